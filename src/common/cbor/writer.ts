import { copyRange } from "../byte-copy.js";

const encoder = new TextEncoder();

/** Canonical CBOR writer: shortest heads, definite lengths. Key order is the caller's (schema) duty. */
export class CborWriter {
  private buffer = new Uint8Array(256);
  private view = new DataView(this.buffer.buffer);
  private at = 0;

  /** Number of bytes written so far. */
  get length(): number {
    return this.at;
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return copyRange(this.buffer, 0, this.at);
  }

  /** Forgets what was written, keeps the memory. */
  reset(): void {
    this.at = 0;
    if (this.buffer.length > 1 << 20) {
      this.buffer = new Uint8Array(256);
      this.view = new DataView(this.buffer.buffer);
    }
  }

  private reserve(n: number): void {
    const need = this.at + n;
    if (need <= this.buffer.length) return;
    let size = this.buffer.length * 2;
    while (size < need) size *= 2;
    const next = new Uint8Array(size);
    next.set(this.buffer.subarray(0, this.at));
    this.buffer = next;
    this.view = new DataView(next.buffer);
  }

  /** Writes the head of an item: major type 0..7 and its argument. */
  head(major: number, value: number): void {
    this.reserve(9);
    const top = major << 5;
    if (value < 24) {
      this.buffer[this.at++] = top | value;
    } else if (value < 0x100) {
      this.buffer[this.at++] = top | 24;
      this.buffer[this.at++] = value;
    } else if (value < 0x10000) {
      this.buffer[this.at++] = top | 25;
      this.view.setUint16(this.at, value);
      this.at += 2;
    } else if (value < 0x100000000) {
      this.buffer[this.at++] = top | 26;
      this.view.setUint32(this.at, value);
      this.at += 4;
    } else {
      this.bigHead(major, BigInt(value));
    }
  }

  private bigHead(major: number, value: bigint): void {
    this.reserve(9);
    this.buffer[this.at++] = (major << 5) | 27;
    this.view.setBigUint64(this.at, value);
    this.at += 8;
  }

  uint(value: number): void {
    this.head(0, value);
  }

  /** An unsigned or negative integer of up to 64 bits. */
  int(value: bigint): void {
    const major = value < 0n ? 1 : 0;
    const argument = value < 0n ? -1n - value : value;
    if (argument < 0x100000000n) this.head(major, Number(argument));
    else this.bigHead(major, argument);
  }

  bool(value: boolean): void {
    this.reserve(1);
    this.buffer[this.at++] = value ? 0xf5 : 0xf4;
  }

  null(): void {
    this.reserve(1);
    this.buffer[this.at++] = 0xf6;
  }

  bytes(value: Uint8Array): void {
    this.head(2, value.length);
    this.raw(value);
  }

  text(value: string): void {
    if (value.length < 24 && this.shortText(value)) return;
    const encoded = encoder.encode(value);
    this.head(3, encoded.length);
    this.raw(encoded);
  }

  /** Writes ASCII text below 24 characters; false when it is not ASCII, and nothing counts as written. */
  private shortText(value: string): boolean {
    const n = value.length;
    this.reserve(n + 1);
    const { buffer, at } = this;
    buffer[at] = 0x60 | n;
    for (let i = 0; i < n; i++) {
      const c = value.charCodeAt(i);
      if (c > 0x7f) return false;
      buffer[at + 1 + i] = c;
    }
    this.at = at + n + 1;
    return true;
  }

  array(length: number): void {
    this.head(4, length);
  }

  map(length: number): void {
    this.head(5, length);
  }

  /** Already encoded bytes. */
  raw(value: Uint8Array): void {
    const n = value.length;
    this.reserve(n);
    if (n < 48) {
      const { buffer, at } = this;
      for (let i = 0; i < n; i++) buffer[at + i] = value[i] as number;
    } else {
      this.buffer.set(value, this.at);
    }
    this.at += n;
  }
}
