import { fromHex, toHex } from "./bytes.js";
import { DecodeError } from "./errors/index.js";
import { FRAME_BYTES } from "./limits.js";
import { define, type Schema, struct } from "./schema/index.js";

/** An unsigned integer without an upper limit: token amounts, shares, gas prices. */
export type Quantity = bigint;

const U64 = 0xffffffffffffffffn;
const scratch = new Uint8Array(16);
const scratchView = new DataView(scratch.buffer);

function toBinary(value: bigint): Uint8Array {
  if (value === 0n) return new Uint8Array(0);
  if (value >> 128n === 0n) {
    scratchView.setBigUint64(0, value >> 64n);
    scratchView.setBigUint64(8, value & U64);
    let from = 0;
    while (scratch[from] === 0) from++;
    return scratch.slice(from);
  }
  const hex = value.toString(16);
  return fromHex(hex.length % 2 === 0 ? hex : `0${hex}`);
}

function fromBinary(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n;
  if (bytes.length <= 6) {
    let n = 0;
    for (const b of bytes) n = n * 256 + b;
    return BigInt(n);
  }
  return BigInt(`0x${toHex(bytes)}`);
}

/** What the reference sees when it finds a map: a struct without fields of its own. */
class NoFields extends struct("Quantity", {}) {}

/** Longest text of a quantity, in characters: reading decimal digits takes more than linear time. */
const MAX_TEXT = 100_000;

/** Text as the reference parses it: decimal, 0x, 0o, 0b, leading-zero octal, `_` between digits, a leading `+`. */
export function quantityFromText(text: string): bigint {
  if (text.length > MAX_TEXT) throw new DecodeError(`quantity of ${text.length} characters, limit ${MAX_TEXT}`);
  const m =
    /^\+?(?:(0[xX])(_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)|(0[oO]|0)(_?[0-7]+(?:_[0-7]+)*)|(0[bB])(_?[01]+(?:_[01]+)*)|(0|[1-9]\d*(?:_\d+)*))$/.exec(
      text,
    );
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
    if (r.peekMajor() !== 5 || r.strictness.canonical) return fromBinary(r.readByteString(FRAME_BYTES));
    // The reference reads a map without known fields as zero.
    NoFields.read(r);
    return 0n;
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
