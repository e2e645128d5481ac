import type { CborReader } from "../cbor/reader.js";
import { fromBase64, fromHex, toBase64, toHex } from "../bytes.js";
import { DecodeError } from "../errors/index.js";
import type { Json } from "../json.js";
import { define, type Schema } from "./schema.js";

function same(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function limited(value: Uint8Array, max: number): Uint8Array {
  if (value.length > max) throw new DecodeError(`${value.length} bytes, limit ${max}`);
  return value;
}

function byteFromJson(json: Json): number {
  if (json === null) return 0;
  if (typeof json !== "number" || !Number.isInteger(json) || json < 0 || json > 255)
    throw new DecodeError("expected a byte");
  return json;
}

function bytesFromJson(json: Json): Uint8Array {
  if (json === null) return new Uint8Array(0);
  if (typeof json === "string") return fromBase64(json);
  if (Array.isArray(json)) return Uint8Array.from((json as readonly Json[]).map(byteFromJson));
  throw new DecodeError("expected base64 text");
}

/**
 * A byte string of variable length, base64 in JSON.
 * @param options.max longest accepted length in bytes
 */
export function bytes(options: { max: number }): Schema<Uint8Array> {
  return define<Uint8Array>({
    typeName: "bytes",
    description: { kind: "bytes", max: options.max },
    write: (w, value) => w.bytes(value),
    ownsNull: true,
    readValue: (r) => (r.tryNull() ? new Uint8Array(0) : r.readBytes(options.max)),
    toJson: (value) => toBase64(value),
    fromJson: (json) => limited(bytesFromJson(json), options.max),
    zero: () => new Uint8Array(0),
    isEmpty: (value) => value.length === 0,
    equals: same,
  });
}

/** The wire sets no limit where the size is fixed: what is longer is refused or cut anyway. */
const ANY = Number.MAX_SAFE_INTEGER;

/** Cut or filled with zeros to a size. */
function fit(value: Uint8Array, size: number): Uint8Array {
  if (value.length === size) return value;
  const out = new Uint8Array(size);
  out.set(value.subarray(0, size));
  return out;
}

/** Text form of a byte string type in JSON. */
export interface TextForm {
  toText(value: Uint8Array): string;
  fromText(text: string): Uint8Array;
}

const HEX: TextForm = {
  toText: toHex,
  // The reference falls back to base64 where a hash or namespace is no hex text.
  fromText: (text) => (/^[0-9a-fA-F]*$/.test(text) && text.length % 2 === 0 ? fromHex(text) : fromBase64(text)),
};
const BASE64: TextForm = { toText: toBase64, fromText: fromBase64 };

/**
 * A byte string of exactly `size` bytes: keys, hashes, addresses. Never empty for `omitempty`.
 * @param options.json text form: "hex", "base64" or a codec
 * @param options.refine extra check of a decoded value, throws DecodeError
 */
export function fixedBytes(
  typeName: string,
  size: number,
  options: { json: "hex" | "base64" | TextForm; refine?: (value: Uint8Array) => void },
): Schema<Uint8Array> {
  const form = options.json === "hex" ? HEX : options.json === "base64" ? BASE64 : options.json;
  const refine = options.refine;
  const exact = (value: Uint8Array): Uint8Array => {
    if (value.length !== size) throw new DecodeError(`${typeName} has ${value.length} bytes, must have ${size}`);
    refine?.(value);
    return value;
  };
  const quick = size < 256;
  const read = (r: CborReader): Uint8Array => {
    const found = quick ? r.tryFixedBytes(size) : undefined;
    if (found !== undefined) {
      if (refine !== undefined && !r.strictness.canonical) refine(found);
      return found;
    }
    if (r.tryNull()) return new Uint8Array(size);
    // An array of small integers in place of the string skips every check of the type, as in the reference.
    if (r.peekMajor() === 4 && !r.strictness.canonical) return fit(r.readByteArray(size, ANY), size);
    const value = r.readByteString(ANY);
    if (value.length !== size) throw new DecodeError(`${typeName} has ${value.length} bytes, must have ${size}`);
    // The runtime side of the reference checks the length only.
    if (refine !== undefined && !r.strictness.canonical) refine(value);
    return value;
  };
  return define<Uint8Array>({
    typeName,
    ownsNull: true,
    description: { kind: "fixed bytes", size },
    write: (w, value) => w.bytes(value),
    readValue: read,
    toJson: (value) => form.toText(value),
    fromJson(json) {
      if (json === null) return new Uint8Array(size);
      if (typeof json !== "string") throw new DecodeError(`expected the text of a ${typeName}`);
      return exact(form.fromText(json));
    },
    zero: () => new Uint8Array(size),
    isEmpty: () => false,
    equals: same,
  });
}

/**
 * A plain Go byte array: the decoder cuts or zero-fills what has another length, and JSON is an array of numbers.
 * @param size length of the value in bytes
 */
export function byteArray(size: number): Schema<Uint8Array> {
  return define<Uint8Array>({
    typeName: `byte array of ${size}`,
    description: { kind: "fixed bytes", size },
    write: (w, value) => w.bytes(value),
    readValue(r) {
      if (r.peekMajor() === 4 && !r.strictness.canonical) return fit(r.readByteArray(size, ANY), size);
      return fit(r.readByteString(ANY), size);
    },
    toJson: (value) => Array.from(value),
    fromJson: (json) => fit(bytesFromJson(json), size),
    zero: () => new Uint8Array(size),
    isEmpty: () => size === 0,
    equals: same,
  });
}

/** One already encoded item, spliced in verbatim; empty is written as null (`RawMessage`). */
export const raw: Schema<Uint8Array> = define<Uint8Array>({
  typeName: "raw",
  description: { kind: "raw" },
  ownsNull: true,
  write(w, value) {
    if (value.length === 0) w.null();
    else w.raw(value);
  },
  readValue: (r) => r.readRaw(),
  toJson: (value) => toBase64(value),
  fromJson: (json) => bytesFromJson(json),
  zero: () => new Uint8Array(0),
  isEmpty: (value) => value.length === 0,
  equals: same,
});
