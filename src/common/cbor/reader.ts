import { copyRange } from "../byte-copy.js";
import { HeadReader, INDEFINITE } from "./head-reader.js";
import { KeyOrder } from "./key-order.js";
import { textFromBytes } from "./text.js";

/**
 * Pull reader for one CBOR item. Every method throws DecodeError on malformed or disallowed input; time and memory
 * stay linear in the input because lengths are checked against the bytes that are left before anything is allocated.
 */
export class CborReader extends HeadReader {
  /** Consumes null or undefined if that is next. */
  tryNull(): boolean {
    const byte = this.peek();
    if (byte < 0xc0) return false;
    if (byte === 0xf6 || byte === 0xf7) {
      this.at++;
      return true;
    }
    return byte >> 5 === 6 && this.skipTags() === 7 && this.tryNull();
  }

  /** Consumes exactly these bytes if they are next: the quick way past the keys of a canonical map. */
  tryBytes(expected: Uint8Array): boolean {
    const n = expected.length;
    const { input, at } = this;
    if (at + n > input.length) return false;
    for (let i = 0; i < n; i++) if (input[at + i] !== expected[i]) return false;
    this.at = at + n;
    return true;
  }

  /**
   * The value (below 24) of the field `v` when the next item is a map that begins with it, as every canonical encoding
   * of a versioned struct does; undefined says nothing. Consumes nothing.
   */
  peekVersion(): number | undefined {
    const { input, at } = this;
    // One to 23 entries: beyond the end of an empty map anything may stand.
    const head = input[at] ?? 0;
    if (at + 3 >= input.length || head < 0xa1 || head > 0xb7) return undefined;
    const version = input[at + 3] as number;
    return input[at + 1] === 0x61 && input[at + 2] === 0x76 && version < 24 ? version : undefined;
  }

  /** An unsigned integer of 64 bits. */
  readU64(): bigint {
    const value = this.readInt();
    if (value < 0n) this.fail("negative integer");
    return value;
  }

  /** An integer of 64 bits; simple values below 20 count as unsigned ones, as in the reference. */
  readInt(): bigint {
    this.peekMajor();
    const major = this.head();
    if (major > 1 && !this.isSmallSimple(major)) this.expected("an integer", major);
    if (this.info === 31) this.fail("indefinite integer");
    const value = this.big ?? BigInt(this.argument);
    return major === 1 ? -1n - value : value;
  }

  /** An unsigned integer not above `max` (at most 2^53 - 1). */
  readUint(max: number): number {
    const byte = this.peek();
    if (byte < 24 && byte <= max) {
      this.at++;
      return byte;
    }
    this.peekMajor();
    const major = this.head();
    if (major !== 0 && !this.isSmallSimple(major)) this.expected("an unsigned integer", major);
    if (this.info === 31) this.fail("indefinite integer");
    if (this.big !== undefined || this.argument > max) this.fail(`integer above its limit ${max}`);
    return this.argument;
  }

  private isSmallSimple(major: number): boolean {
    if (major !== 7 || this.strictness.canonical) return false;
    return this.info < 20 || (this.info === 24 && this.argument >= 32);
  }

  readBool(): boolean {
    this.peekMajor();
    const byte = this.peek();
    if (byte !== 0xf4 && byte !== 0xf5) this.fail("expected a boolean");
    this.at++;
    return byte === 0xf5;
  }

  /**
   * A byte string; in the Go modes also an array of integers 0..255.
   * @param max longest accepted length in bytes
   */
  readBytes(max: number): Uint8Array {
    if (this.peekMajor() === 4 && !this.strictness.canonical) return this.readByteArray(max, max);
    return this.readByteString(max);
  }

  /** A byte string and nothing else. */
  readByteString(max: number): Uint8Array {
    this.peekMajor();
    const n = this.stringHead(2, "a byte string", max);
    if (n === INDEFINITE) return this.chunks(2, "a byte string", max);
    const start = this.at;
    this.at += n;
    return copyRange(this.input, start, this.at);
  }

  /**
   * A byte string of exactly `size` bytes (below 256) if that is next in its shortest form; undefined consumes nothing
   * and says nothing.
   */
  tryFixedBytes(size: number): Uint8Array | undefined {
    const { input, at } = this;
    let start = at + 1;
    if (size < 24) {
      if (input[at] !== (0x40 | size)) return undefined;
    } else {
      if (input[at] !== 0x58 || input[at + 1] !== size) return undefined;
      start++;
    }
    const end = start + size;
    if (end > input.length) return undefined;
    this.at = end;
    return copyRange(input, start, end);
  }

  /**
   * An array of integers 0..255 in place of a byte string (Go modes).
   * @param keep elements beyond these are skipped whatever they are
   * @param max most elements accepted
   */
  readByteArray(keep: number, max: number): Uint8Array {
    const n = this.startArray(max);
    let out = new Uint8Array(n === INDEFINITE ? 16 : n < keep ? n : keep);
    let i = 0;
    for (; this.hasMore(n, i, max); i++) {
      if (i >= keep) {
        this.skip();
        continue;
      }
      if (i === out.length) {
        const wider = new Uint8Array(2 * i);
        wider.set(out);
        out = wider;
      }
      out[i] = this.tryNull() ? 0 : this.readUint(255);
    }
    return i < out.length ? out.slice(0, i) : out;
  }

  /** @param max longest accepted length in bytes */
  readText(max: number): string {
    this.peekMajor();
    const n = this.stringHead(3, "a text string", max);
    if (n === INDEFINITE) {
      const joined = this.chunks(3, "a text string", max);
      return this.text(joined, 0, joined.length);
    }
    const start = this.at;
    this.at += n;
    return this.text(this.input, start, this.at);
  }

  private text(bytes: Uint8Array, from: number, to: number): string {
    const text = textFromBytes(bytes, from, to);
    if (text === undefined) this.fail("text is not valid UTF-8");
    return text;
  }

  private stringHead(want: number, what: string, max: number): number {
    const short = this.shortCount(want, max, 1);
    if (short >= 0) return short;
    const major = this.head();
    if (major !== want) this.expected(what, major);
    if (this.info === 31) {
      if (!this.strictness.loose) this.fail("indefinite lengths are not allowed");
      return INDEFINITE;
    }
    const n = this.argument;
    if (this.big !== undefined || n > this.remaining) this.fail("unexpected end of input");
    if (n > max) this.fail(`length ${n} above its limit ${max}`);
    return n;
  }

  private chunks(want: number, what: string, max: number): Uint8Array {
    const parts: [from: number, to: number][] = [];
    let total = 0;
    while (this.peek() !== 0xff) {
      if (this.peek() >> 5 !== want || (this.peek() & 31) === 31) this.fail("bad chunk of an indefinite string");
      const n = this.stringHead(want, what, max - total);
      parts.push([this.at, this.at + n]);
      this.at += n;
      total += n;
    }
    this.at++;
    const out = new Uint8Array(total);
    let to = 0;
    for (const [from, end] of parts) {
      out.set(this.input.subarray(from, end), to);
      to += end - from;
    }
    return out;
  }

  private container(want: number, what: string, max: number, unit: number): number {
    // Nearly all containers take the short way.
    const short = this.shortCount(want, max, unit);
    if (short >= 0) {
      if (++this.depth > this.strictness.maxDepth) this.fail(`nesting deeper than ${this.strictness.maxDepth}`);
      return short;
    }
    this.peekMajor();
    const major = this.head();
    if (major !== want) this.expected(what, major);
    if (++this.depth > this.strictness.maxDepth) this.fail(`nesting deeper than ${this.strictness.maxDepth}`);
    if (this.info === 31) {
      if (!this.strictness.loose) this.fail("indefinite lengths are not allowed");
      return INDEFINITE;
    }
    const n = this.argument;
    // Each element takes at least one byte, so a count beyond the rest is refused before any loop.
    if (this.big !== undefined || n * unit > this.remaining) this.fail("unexpected end of input");
    if (n > max || n > this.strictness.maxElements) this.fail(`${n} elements, limit ${max}`);
    return n;
  }

  /**
   * Begins an array: `for (let i = 0; r.hasMore(n, i, max); i++)` then reads each of its elements.
   * @returns the number of elements, or a mark for an array of indefinite length, for `hasMore`
   */
  startArray(max: number): number {
    return this.container(4, "an array", max, 1);
  }

  /** Begins a map; each round of the loop must consume exactly one key and one value. */
  startMap(max: number): number {
    return this.container(5, "a map", max, 2);
  }

  /** Whether element `i` of a container exists; ends the container when not. */
  hasMore(n: number, i: number, max: number): boolean {
    if (n === INDEFINITE && this.peek() !== 0xff) {
      if (i >= max) this.fail(`more than ${max} elements`);
      return true;
    }
    if (i < n) return true;
    if (n === INDEFINITE) this.at++;
    this.depth--;
    return false;
  }

  /** Skips one item, checking that it is well-formed. */
  skip(): void {
    const { canonical, maxElements } = this.strictness;
    const major = this.peekMajor();
    if (major === 4) {
      const n = this.startArray(maxElements);
      for (let i = 0; this.hasMore(n, i, maxElements); i++) this.skip();
    } else if (major === 5) {
      this.skipMap(canonical ? new KeyOrder(this) : undefined);
    } else if (major === 2) {
      this.skipString(major);
    } else if (major === 3) {
      // Go leaves the text of skipped items unread; the runtime side reads everything.
      if (canonical) this.readText(Number.MAX_SAFE_INTEGER);
      else this.skipString(major);
    } else {
      this.skipScalar();
    }
  }

  private skipMap(order: KeyOrder | undefined): void {
    const max = this.strictness.maxElements;
    const n = this.startMap(max);
    for (let i = 0; this.hasMore(n, i, max); i++) {
      const from = this.at;
      this.skip();
      order?.next(from, this.at);
      this.skip();
    }
  }

  private skipString(major: number): void {
    const n = this.stringHead(major, "a string", Number.MAX_SAFE_INTEGER);
    if (n === INDEFINITE) this.chunks(major, "a string", Number.MAX_SAFE_INTEGER);
    else this.at += n;
  }

  private skipScalar(): void {
    const major = this.head();
    if (this.info === 31) this.fail(major === 7 ? "unexpected break" : "indefinite integer");
    if (major !== 7) return;
    if (this.strictness.canonical && (this.info < 20 || this.info > 23)) this.fail("simple value or float");
    if (this.info === 24 && this.argument < 32) this.fail("simple value below 32 in two bytes");
  }

  /** The encoded bytes of one item, whatever it is. */
  readRaw(): Uint8Array {
    const start = this.at;
    this.skip();
    return copyRange(this.input, start, this.at);
  }

  /** Ends the reading: bytes after the item are an error only in the runtime mode. */
  end(): void {
    if (this.strictness.canonical && this.remaining > 0) this.fail(`${this.remaining} trailing bytes`);
  }
}
