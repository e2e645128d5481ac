import type { CborReader } from "../cbor/reader.js";
import { DecodeError } from "../errors/index.js";
import type { Json } from "../json.js";
import { define, type Schema } from "./schema.js";

const U64_MAX = 0xffffffffffffffffn;

function jsonInteger(json: Json): bigint {
  if (json === null) return 0n;
  if (typeof json === "bigint") return json;
  if (typeof json === "number" && Number.isInteger(json)) return BigInt(json);
  if (typeof json === "string" && /^-?\d{1,20}$/.test(json)) return BigInt(json);
  throw new DecodeError("expected an integer");
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
    fromJson: (json) => Number(inRange(jsonInteger(json), 0n, BigInt(max))),
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
    fromJson: (json) => inRange(jsonInteger(json), min, max),
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
 * @param options.max largest number, 255 unless told
 * @param options.extensions more words, which v26.1 does not know
 */
export function enumeration(
  typeName: string,
  words: Readonly<Record<string, number>>,
  { max = 0xff, extensions = {} }: { max?: number; extensions?: Readonly<Record<string, number>> } = {},
): Schema<number> {
  const all = { ...words, ...extensions };
  const byNumber = new Map(Object.entries(all).map(([word, n]) => [n, word]));
  const fromText = (word: string): number => {
    const n = all[word];
    if (n === undefined) throw new DecodeError(`unknown ${typeName} "${word}"`);
    return n;
  };
  return define<number>({
    typeName,
    description: { kind: "enumeration", words },
    write: (w, value) => w.uint(value),
    readValue: (r) => r.readUint(max),
    toJson: (value) => byNumber.get(value) ?? value,
    fromJson: (json) =>
      typeof json === "string" ? fromText(json) : Number(inRange(jsonInteger(json), 0n, BigInt(max))),
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
