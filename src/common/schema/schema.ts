import { CborReader } from "../cbor/reader.js";
import type { Mode } from "../cbor/strictness.js";
import { CborWriter } from "../cbor/writer.js";
import { DecodeError } from "../errors/index.js";
import type { Json } from "../json.js";

/** How a field behaves in a struct when it holds nothing. */
export type Omit = "never" | "empty" | "undefined";

/**
 * What a type is made of: enough to list its fields in a document or to make values of it in a test. `custom` types are
 * closed in themselves; their zero value and their text say what they are.
 */
export type Description =
  | { readonly kind: "integer"; readonly min: bigint; readonly max: bigint; readonly big: boolean }
  | { readonly kind: "enumeration"; readonly words: Readonly<Record<string, number>> }
  | { readonly kind: "bool" | "time" | "raw" | "custom" }
  | { readonly kind: "text" | "bytes"; readonly max: number }
  | { readonly kind: "fixed bytes"; readonly size: number }
  | { readonly kind: "list"; readonly element: Schema<unknown>; readonly max: number }
  | { readonly kind: "map"; readonly key: Schema<unknown>; readonly value: Schema<unknown>; readonly max: number }
  | { readonly kind: "tuple"; readonly items: readonly Schema<unknown>[] }
  | { readonly kind: "struct"; readonly fields: Readonly<Record<string, Schema<unknown>>> }
  | { readonly kind: "union"; readonly variants: Readonly<Record<string, Schema<unknown>>> }
  | { readonly kind: "maybe"; readonly inner: Schema<unknown>; readonly nothing: null | undefined }
  | { readonly kind: "lazy"; readonly get: () => Schema<unknown> };

/**
 * A wire type as a value: one declaration gives the CBOR and JSON forms, the zero value and the equality of a type.
 * `decode` and `fromJson` throw DecodeError, which names the field.
 */
export interface Schema<T> {
  /** Name in error texts and generated documents. */
  readonly typeName: string;
  /** As a struct field: when the field is left out (Go's `omitempty`). */
  readonly omit: Omit;
  /** As a struct field: the wire name, if it is not the field's name in snake case. */
  readonly wireName: string | undefined;
  /** As a struct field: whether it belongs to an extension of the protocol, so that most decoders do not know it. */
  readonly extension: boolean;
  /** What the type is made of. */
  readonly description: Description;

  write(w: CborWriter, value: T): void;
  /** Reads one item; null gives the zero value, as in the reference. */
  read(r: CborReader): T;
  /** Canonical CBOR. */
  encode(value: T): Uint8Array;
  /** Decodes one item. Default mode: untrusted. */
  decode(bytes: Uint8Array, mode?: Mode): T;
  toJson(value: T): Json;
  fromJson(json: Json): T;
  /** Text form as a key of a JSON object. */
  toKey(value: T): string;
  fromKey(key: string): T;
  /** The value of an absent field. */
  zero(): T;
  /** Whether `omitempty` leaves the value out of CBOR. */
  isEmpty(value: T): boolean;
  /** Whether `omitempty` leaves the value out of JSON, which differs for structs and quantities. */
  isJsonEmpty(value: T): boolean;
  equals(a: T, b: T): boolean;
}

/** The value type of a schema. */
export type Infer<S> = S extends Schema<infer T> ? T : never;

/** What a concrete type has to provide, as functions that need no `this`; the rest of Schema follows from it. */
export interface Definition<T> {
  typeName: string;
  write(w: CborWriter, value: T): void;
  readValue(r: CborReader): T;
  toJson(value: T): Json;
  fromJson(json: Json): T;
  zero(): T;
  isEmpty(value: T): boolean;
  isJsonEmpty?(value: T): boolean;
  equals?(a: T, b: T): boolean;
  toKey?(value: T): string;
  fromKey?(key: string): T;
  /** `readValue` is given null too: where null is a value of the type, or to save the types of every day a call. */
  ownsNull?: boolean;
  omit?: Omit;
  wireName?: string | undefined;
  extension?: boolean;
  /** Custom unless told. */
  description?: Description;
}

const scratch = new CborWriter();
const reentry = { busy: false };

function encodeWith<T>(write: (w: CborWriter, value: T) => void, value: T): Uint8Array {
  if (reentry.busy) {
    const own = new CborWriter();
    write(own, value);
    return own.finish();
  }
  reentry.busy = true;
  try {
    scratch.reset();
    write(scratch, value);
    return scratch.finish();
  } finally {
    reentry.busy = false;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

const CUSTOM: Description = { kind: "custom" };

/** Completes a definition to a schema. */
export function define<T>(d: Definition<T>): Schema<T> {
  const { write, readValue } = d;
  const read = d.ownsNull ? readValue : (r: CborReader): T => (r.tryNull() ? d.zero() : readValue(r));
  const encode = (value: T): Uint8Array => encodeWith(write, value);
  return {
    typeName: d.typeName,
    omit: d.omit ?? "never",
    wireName: d.wireName,
    extension: d.extension ?? false,
    description: d.description ?? CUSTOM,
    write,
    read,
    encode,
    decode(bytes, mode = "untrusted") {
      const r = new CborReader(bytes, mode);
      const value = read(r);
      r.end();
      return value;
    },
    toJson: (value) => d.toJson(value),
    fromJson: (json) => d.fromJson(json),
    toKey: d.toKey ?? ((value) => keyText(d.toJson(value))),
    fromKey: d.fromKey ?? ((key) => d.fromJson(key)),
    zero: () => d.zero(),
    isEmpty: (value) => d.isEmpty(value),
    isJsonEmpty: d.isJsonEmpty ?? ((value) => d.isEmpty(value)),
    equals: d.equals ?? ((a, b) => sameBytes(encode(a), encode(b))),
  };
}

function keyText(json: Json): string {
  if (typeof json === "string") return json;
  if (typeof json === "number" || typeof json === "bigint") return json.toString();
  throw new DecodeError("not usable as a JSON object key");
}
