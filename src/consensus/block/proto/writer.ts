import { assert } from "#common/assert.js";

/** Wire types of protobuf that CometBFT's messages use. */
export const WireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
export type WireType = (typeof WireType)[keyof typeof WireType];

const LOW_32 = 0xffffffffn;

/** Appends protobuf primitives to a growing buffer; `finish` returns exactly the bytes written. */
export class ProtoWriter {
  #buffer = new Uint8Array(128);
  #length = 0;

  /** Writes the key of a field: number 1 to 2^29-1 and wire type. */
  tag(field: number, wire: WireType): void {
    assert(field > 0 && field < 0x20000000, "protobuf field number out of range");
    this.varint32(((field << 3) | wire) >>> 0);
  }

  /** Writes an unsigned 32-bit number as varint. */
  varint32(value: number): void {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xffffffff, "not an unsigned 32-bit number");
    this.#reserve(5);
    let rest = value;
    while (rest >= 0x80) {
      this.#buffer[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#length++] = rest;
  }

  /** Writes a signed or unsigned 64-bit number as varint; negative numbers take ten bytes, as in every int64 field. */
  varint64(value: bigint): void {
    if (value >= 0n && value <= LOW_32) {
      this.varint32(Number(value));
      return;
    }
    assert(value >= -(1n << 63n) && value < 1n << 64n, "not a 64-bit number");
    this.#reserve(10);
    let rest = BigInt.asUintN(64, value);
    while (rest >= 0x80n) {
      this.#buffer[this.#length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#buffer[this.#length++] = Number(rest);
  }

  /** Writes a signed 64-bit number as eight little-endian bytes (sfixed64). */
  fixed64(value: bigint): void {
    this.#reserve(8);
    let rest = BigInt.asUintN(64, value);
    for (let i = 0; i < 8; i++) {
      this.#buffer[this.#length++] = Number(rest & 0xffn);
      rest >>= 8n;
    }
  }

  /** Writes a length prefix and the bytes. */
  bytes(value: Uint8Array): void {
    this.varint32(value.length);
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  /** Writes what `body` writes as a submessage behind its length. */
  nested(body: () => void): void {
    this.#reserve(1);
    const start = this.#length + 1;
    this.#length = start;
    body();
    const size = this.#length - start;
    if (size < 0x80) {
      this.#buffer[start - 1] = size;
      return;
    }
    // Nearly all lengths take one byte, which was left free; a longer one pushes the submessage on.
    let extra = 0;
    for (let rest = size >>> 7; rest > 0; rest >>>= 7) extra++;
    this.#reserve(extra);
    this.#buffer.copyWithin(start + extra, start, start + size);
    this.#length = start - 1;
    this.varint32(size);
    this.#length += size;
  }

  /** Returns a copy of what was written. */
  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }
}
