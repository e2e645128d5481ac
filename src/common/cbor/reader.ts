import { DecodeError } from "../errors/index.js";
import { type Mode, STRICTNESS, type Strictness } from "./strictness.js";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Length argument of a string, array or map of indefinite length (trusted mode only). */
export const INDEFINITE = -1;

/**
 * Pull reader for one CBOR item. Every method throws DecodeError on malformed or disallowed input; time and memory
 * stay linear in the input because lengths are checked against the bytes that are left before anything is allocated.
 */
export class CborReader {
  readonly strictness: Strictness;
  private readonly view: DataView;
  private at = 0;
  private depth = 0;
  /** Argument of the last head; `big` holds it instead when it is beyond 2^53. */
  private argument = 0;
  private big: bigint | undefined;
  private info = 0;

  constructor(
    private readonly input: Uint8Array,
    readonly mode: Mode,
  ) {
    this.strictness = STRICTNESS[mode];
    this.view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  }

  get offset(): number {
    return this.at;
  }

  get remaining(): number {
    return this.input.length - this.at;
  }

  /** Input between two offsets, copied. */
  slice(from: number, to: number): Uint8Array {
    return this.input.slice(from, to);
  }

  private fail(reason: string): never {
    throw new DecodeError(`${reason} at byte ${this.at}`);
  }

  /** Initial byte of the next item. */
  peek(): number {
    const byte = this.input[this.at];
    if (byte === undefined) this.fail("unexpected end of input");
    return byte;
  }

  /** Major type 0..7 of the next item, tags skipped where the mode allows them. */
  peekMajor(): number {
    let major = this.peek() >> 5;
    while (major === 6) {
      if (!this.strictness.loose) this.fail("tags are not allowed");
      this.head();
      major = this.peek() >> 5;
    }
    return major;
  }

  /** Consumes null or undefined if that is next. */
  tryNull(): boolean {
    const byte = this.peek();
    if (byte === 0xf6 || (byte === 0xf7 && !this.strictness.canonical)) {
      this.at++;
      return true;
    }
    return false;
  }

  private head(): number {
    const byte = this.peek();
    this.at++;
    const info = byte & 31;
    this.info = info;
    this.big = undefined;
    if (info < 24) {
      this.argument = info;
    } else if (info <= 27) {
      this.longArgument(info);
    } else if (info === 31) {
      this.argument = INDEFINITE;
    } else {
      this.fail("reserved additional information");
    }
    return byte >> 5;
  }

  private longArgument(info: number): void {
    const size = 1 << (info - 24);
    if (this.remaining < size) this.fail("unexpected end of input");
    let shortest: number;
    if (size === 1) {
      this.argument = this.view.getUint8(this.at);
      shortest = 24;
    } else if (size === 2) {
      this.argument = this.view.getUint16(this.at);
      shortest = 0x100;
    } else if (size === 4) {
      this.argument = this.view.getUint32(this.at);
      shortest = 0x10000;
    } else {
      const value = this.view.getBigUint64(this.at);
      shortest = 0x100000000;
      this.argument = Number(value);
      if (value > 9007199254740991n) this.big = value;
    }
    this.at += size;
    if (this.strictness.canonical && this.argument < shortest) this.fail("integer is not in its shortest form");
  }

  private expected(what: string, major: number): never {
    this.at--;
    this.fail(`expected ${what}, found ${MAJOR_NAMES[major] as string}`);
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

  /** A byte string; in the Go modes also an array of integers 0..255. */
  readBytes(max: number): Uint8Array {
    const major = this.peekMajor();
    if (major === 4 && !this.strictness.canonical) return this.bytesFromArray(max);
    return this.string(2, "a byte string", max);
  }

  private bytesFromArray(max: number): Uint8Array {
    const out: number[] = [];
    this.readArray(max, () => {
      out.push(this.tryNull() ? 0 : this.readUint(255));
    });
    return Uint8Array.from(out);
  }

  readText(max: number): string {
    this.peekMajor();
    return this.utf8(this.string(3, "a text string", max));
  }

  private utf8(bytes: Uint8Array): string {
    if (bytes.length < 32) {
      let ascii = "";
      let i = 0;
      for (; i < bytes.length; i++) {
        const c = bytes[i] as number;
        if (c > 0x7f) break;
        ascii += String.fromCharCode(c);
      }
      if (i === bytes.length) return ascii;
    }
    try {
      return decoder.decode(bytes);
    } catch {
      this.fail("text is not valid UTF-8");
    }
  }

  private string(want: number, what: string, max: number): Uint8Array {
    const major = this.head();
    if (major !== want) this.expected(what, major);
    if (this.info === 31) return this.chunks(want, what, max);
    const n = this.argument;
    if (this.big !== undefined || n > this.remaining) this.fail("unexpected end of input");
    if (n > max) this.fail(`length ${n} above its limit ${max}`);
    const start = this.at;
    this.at += n;
    return this.input.slice(start, this.at);
  }

  private chunks(want: number, what: string, max: number): Uint8Array {
    if (!this.strictness.loose) this.fail("indefinite lengths are not allowed");
    const parts: Uint8Array[] = [];
    let total = 0;
    while (this.peek() !== 0xff) {
      if (this.peek() >> 5 !== want || (this.peek() & 31) === 31) this.fail("bad chunk of an indefinite string");
      const part = this.string(want, what, max - total);
      total += part.length;
      parts.push(part);
    }
    this.at++;
    const out = new Uint8Array(total);
    let at = 0;
    for (const part of parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }

  private container(want: number, what: string, max: number, unit: number): number {
    this.peekMajor();
    const major = this.head();
    if (major !== want) this.expected(what, major);
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

  private enter(): void {
    if (++this.depth > this.strictness.maxDepth) this.fail(`nesting deeper than ${this.strictness.maxDepth}`);
  }

  /** An array; `element` must consume exactly one item per call. Returns the number of elements. */
  readArray(max: number, element: (index: number) => void): number {
    const n = this.container(4, "an array", max, 1);
    return this.each(n, max, element);
  }

  /** A map; `entry` must consume exactly one key and one value per call. Returns the number of entries. */
  readMap(max: number, entry: (index: number) => void): number {
    const n = this.container(5, "a map", max, 2);
    return this.each(n, max, entry);
  }

  private each(n: number, max: number, element: (index: number) => void): number {
    this.enter();
    let i = 0;
    if (n === INDEFINITE) {
      while (this.peek() !== 0xff) {
        if (i >= max) this.fail(`more than ${max} elements`);
        element(i++);
      }
      this.at++;
    } else {
      for (; i < n; i++) element(i);
    }
    this.depth--;
    return i;
  }

  /** Skips one item, checking that it is well-formed. */
  skip(): void {
    if (this.strictness.canonical) return this.skipCanonical();
    const major = this.head();
    switch (major) {
      case 0:
      case 1:
        if (this.info === 31) this.fail("indefinite integer");
        return;
      case 2:
      case 3:
        this.at -= headSize(this.info);
        this.skipString(major);
        return;
      case 4:
      case 5:
        this.at -= headSize(this.info);
        if (major === 4) this.readArray(this.strictness.maxElements, () => this.skip());
        else {
          this.readMap(this.strictness.maxElements, () => {
            this.skip();
            this.skip();
          });
        }
        return;
      case 6:
        if (!this.strictness.loose) this.fail("tags are not allowed");
        this.enter();
        this.skip();
        this.depth--;
        return;
      default:
        this.skipSimple();
    }
  }

  private skipString(major: number): void {
    const bytes = this.string(major, "a string", Number.MAX_SAFE_INTEGER);
    if (major === 3) this.utf8(bytes);
  }

  private skipSimple(): void {
    if (this.info === 31) this.fail("unexpected break");
    if (this.info === 24 && this.argument < 32) this.fail("simple value below 32 in two bytes");
  }

  private skipCanonical(): void {
    const major = this.peek() >> 5;
    if (major === 4) {
      this.readArray(this.strictness.maxElements, () => this.skipCanonical());
      return;
    }
    if (major === 5) {
      const order = new KeyOrder(this);
      this.readMap(this.strictness.maxElements, () => {
        const from = this.at;
        this.skipCanonical();
        order.next(from, this.at);
        this.skipCanonical();
      });
      return;
    }
    if (major === 6) this.fail("tags are not allowed");
    if (major === 2 || major === 3) return this.skipString(major);
    this.head();
    if (major === 7 && (this.info < 20 || this.info > 23)) this.fail("simple value or float");
    if (this.info === 31) this.fail("indefinite integer");
  }

  /** The encoded bytes of one item, whatever it is. */
  readRaw(): Uint8Array {
    const start = this.at;
    this.skip();
    return this.input.slice(start, this.at);
  }

  /** Compares the encodings of two keys in the input: length first, then bytes. */
  compareSlices(a0: number, a1: number, b0: number, b1: number): number {
    if (a1 - a0 !== b1 - b0) return a1 - a0 - (b1 - b0);
    for (let i = 0; i < a1 - a0; i++) {
      const d = (this.input[a0 + i] as number) - (this.input[b0 + i] as number);
      if (d !== 0) return d;
    }
    return 0;
  }

  /** Ends the reading: bytes after the item are an error only in the runtime mode. */
  end(): void {
    if (this.strictness.canonical && this.remaining > 0) this.fail(`${this.remaining} trailing bytes`);
  }
}

/** Checks that the keys of a map come in canonical order (runtime mode). */
export class KeyOrder {
  private from = -1;
  private to = -1;

  constructor(private readonly reader: CborReader) {}

  next(from: number, to: number): void {
    if (this.from >= 0 && this.reader.compareSlices(this.from, this.to, from, to) >= 0) {
      throw new DecodeError(`map keys are not sorted at byte ${from}`);
    }
    this.from = from;
    this.to = to;
  }
}

function headSize(info: number): number {
  return info < 24 || info === 31 ? 1 : 1 + (1 << (info - 24));
}

const MAJOR_NAMES = [
  "an unsigned integer",
  "a negative integer",
  "a byte string",
  "a text string",
  "an array",
  "a map",
  "a tag",
  "a simple value or float",
] as const;
