import type { CborReader } from "../cbor/reader.js";
import { DecodeError } from "../errors/index.js";
import type { Json } from "../json.js";
import { define, type Schema } from "./schema.js";

const U64_MAX = 0xffffffffffffffffn;

function jsonInteger(json: Json, signed: boolean): bigint {
  if (json === null) return 0n;
  if (typeof json === "bigint") return json;
  if (typeof json === "number" && Number.isInteger(json) && (signed || !Object.is(json, -0))) return BigInt(json);
  throw new DecodeError("expected an integer");
}

/** An integer as the name of a member; only signed ones may have a sign. */
function keyInteger(key: string, signed: boolean): bigint {
  const digits = /^([+-]?)0*(\d{1,20})$/.exec(key);
  if (digits === null || (digits[1] !== "" && !signed)) throw new DecodeError("expected an integer");
  const value = BigInt(digits[2] as string);
  return digits[1] === "-" ? -value : value;
}

function inRange(value: bigint, min: bigint, max: bigint): bigint {
  if (value < min || value > max) throw new DecodeError(`integer ${value} outside ${min}..${max}`);
  return value;
}

/** Largest integers go out as bigint, everything else as a JSON number. */
function integerJson(value: bigint): Json {
  const plain = Number(value);
  return Number.isSafeInteger(plain) ? plain : value;
}

function small(typeName: string, max: number): Schema<number> {
  return define<number>({
    typeName,
    description: { kind: "integer", min: 0n, max: BigInt(max), big: false },
    ownsNull: true,
    write: (w, value) => w.uint(value),
    readValue: (r) => (r.tryNull() ? 0 : r.readUint(max)),
    toJson: (value) => value,
    fromJson: (json) => Number(inRange(jsonInteger(json, false), 0n, BigInt(max))),
    fromKey: (key) => Number(inRange(keyInteger(key, false), 0n, BigInt(max))),
    zero: () => 0,
    isEmpty: (value) => value === 0,
    equals: (a, b) => a === b,
  });
}

export const u8: Schema<number> = small("u8", 0xff);
export const u16: Schema<number> = small("u16", 0xffff);
export const u32: Schema<number> = small("u32", 0xffffffff);

function big(typeName: string, min: bigint, max: bigint, readValue: (r: CborReader) => bigint): Schema<bigint> {
  return define<bigint>({
    typeName,
    description: { kind: "integer", min, max, big: true },
    ownsNull: true,
    write: (w, value) => w.int(value),
    readValue,
    toJson: integerJson,
    fromJson: (json) => inRange(jsonInteger(json, min < 0n), min, max),
    fromKey: (key) => inRange(keyInteger(key, min < 0n), min, max),
    zero: () => 0n,
    isEmpty: (value) => value === 0n,
    equals: (a, b) => a === b,
  });
}

const I64_MIN = -(1n << 63n);
const I64_MAX = (1n << 63n) - 1n;

export const u64: Schema<bigint> = big("u64", 0n, U64_MAX, (r) => (r.tryNull() ? 0n : r.readU64()));
export const i64: Schema<bigint> = big("i64", I64_MIN, I64_MAX, (r) =>
  r.tryNull() ? 0n : inRange(r.readInt(), I64_MIN, I64_MAX),
);

export const bool: Schema<boolean> = define<boolean>({
  typeName: "bool",
  description: { kind: "bool" },
  write: (w, value) => w.bool(value),
  readValue: (r) => r.readBool(),
  toJson: (value) => value,
  fromJson(json) {
    if (json === null) return false;
    if (typeof json !== "boolean") throw new DecodeError("expected true or false");
    return json;
  },
  zero: () => false,
  isEmpty: (value) => !value,
  equals: (a, b) => a === b,
});

/**
 * A UTF-8 text.
 * @param options.max longest accepted length in bytes
 */
export function text(options: { max: number }): Schema<string> {
  return define<string>({
    typeName: "text",
    description: { kind: "text", max: options.max },
    write: (w, value) => w.text(value),
    ownsNull: true,
    readValue: (r) => (r.tryNull() ? "" : r.readText(options.max)),
    toJson: (value) => value,
    fromJson(json) {
      if (json === null) return "";
      if (typeof json !== "string") throw new DecodeError("expected a string");
      return json;
    },
    zero: () => "",
    isEmpty: (value) => value === "",
    equals: (a, b) => a === b,
  });
}

/**
 * A closed set of words that are integers on the wire and words in JSON.
 * @param words word -> number; numbers outside the set are accepted in CBOR, as the reference does
 * @param options.json "numbers" where the reference has no words for it: integers in JSON too
 * @param options.max largest number, 255 unless told
 * @param options.extensions more words, which v26.1 does not know
 */
export function enumeration(
  typeName: string,
  words: Readonly<Record<string, number>>,
  options: { json?: "numbers"; max?: number; extensions?: Readonly<Record<string, number>> } = {},
): Schema<number> {
  const { max = 0xff, extensions = {} } = options;
  const all = { ...words, ...extensions };
  const byNumber = new Map(Object.entries(all).map(([word, n]) => [n, word]));
  const fromText = (word: string): number => {
    const n = all[word];
    if (n === undefined) throw new DecodeError(`unknown ${typeName} "${word}"`);
    return n;
  };
  const numbers = small(typeName, max);
  const fromJson = (json: Json): number => {
    if (json === null) return 0;
    if (typeof json !== "string") throw new DecodeError(`expected the name of a ${typeName}`);
    return fromText(json);
  };
  const inWords = {
    toJson: (value: number): Json => byNumber.get(value) ?? value,
    fromJson,
    fromKey: fromText,
  };
  return define<number>({
    typeName,
    description: { kind: "enumeration", words },
    write: (w, value) => w.uint(value),
    readValue: (r) => r.readUint(max),
    ...(options.json === "numbers"
      ? { toJson: numbers.toJson, fromJson: numbers.fromJson, fromKey: numbers.fromKey }
      : inWords),
    zero: () => 0,
    isEmpty: (value) => value === 0,
    equals: (a, b) => a === b,
  });
}

/** No value: null on the wire; the request of methods without arguments and the answer of void ones. */
export const nothing: Schema<null> = define<null>({
  typeName: "nothing",
  ownsNull: true,
  write: (w) => w.null(),
  readValue(r) {
    if (!r.tryNull()) r.skip();
    return null;
  },
  toJson: () => null,
  fromJson: () => null,
  zero: () => null,
  isEmpty: () => true,
});
