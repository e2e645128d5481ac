import { DecodeError } from "./errors/index.js";
import { define, type Schema } from "./schema/index.js";

/** An unsigned integer without an upper limit: token amounts, shares, gas prices. */
export type Quantity = bigint;

/** Longest accepted encoding in bytes; the reference sets no limit, a sane token amount needs 32. */
const MAX_BYTES = 1 << 16;

function toBinary(value: bigint): Uint8Array {
  if (value === 0n) return new Uint8Array(0);
  const hex = value.toString(16);
  const even = hex.length % 2 === 0 ? hex : `0${hex}`;
  const out = new Uint8Array(even.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(even.slice(2 * i, 2 * i + 2), 16);
  return out;
}

function fromBinary(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n;
  if (bytes.length <= 6) {
    let n = 0;
    for (const b of bytes) n = n * 256 + b;
    return BigInt(n);
  }
  let hex = "0x";
  for (const b of bytes) hex += b.toString(16).padStart(2, "0");
  return BigInt(hex);
}

/** Text as the reference parses it: decimal, 0x, 0o, 0b, leading-zero octal, `_` between digits, a leading `+`. */
export function quantityFromText(text: string): bigint {
  const m = /^\+?(?:(0[xX])(_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)|(0[oO]|0)(_?[0-7]+(?:_[0-7]+)*)|(0[bB])(_?[01]+(?:_[01]+)*)|(0|[1-9]\d*(?:_\d+)*))$/.exec(text);
  if (m === null) throw new DecodeError("expected a non-negative integer in text form");
  const digits = (part: string | undefined): string => (part ?? "").replaceAll("_", "");
  if (m[1] !== undefined) return BigInt(`0x${digits(m[2])}`);
  if (m[3] !== undefined) return BigInt(`0o${digits(m[4])}`);
  if (m[5] !== undefined) return BigInt(`0b${digits(m[6])}`);
  return BigInt(digits(m[7]));
}

/** Minimal big-endian bytes on the wire (zero is the empty string), decimal text in JSON. */
export const Quantity: Schema<bigint> = define<bigint>({
  typeName: "Quantity",
  write: (w, value) => w.bytes(toBinary(value)),
  readValue(r) {
    // The reference also reads an empty map as zero.
    if (r.peekMajor() === 5) {
      r.readMap(0, () => undefined);
      return 0n;
    }
    return fromBinary(r.readBytes(MAX_BYTES));
  },
  toJson: (value) => value.toString(),
  fromJson(json) {
    if (json === null) return 0n;
    if (typeof json !== "string") throw new DecodeError("expected a quantity as decimal text");
    return quantityFromText(json);
  },
  zero: () => 0n,
  isEmpty: (value) => value === 0n,
  isJsonEmpty: () => false,
  equals: (a, b) => a === b,
});
