import { DecodeError } from "../errors/index.js";
import { MAJOR_NAMES, uint32At } from "./heads.js";
import { type Mode, STRICTNESS, type Strictness } from "./strictness.js";

/** Argument of an integer, string, array or map of indefinite length (strings and containers in trusted mode only). */
export const INDEFINITE = -1;

/** Where a reader stands, and the heads of items: type and argument. */
export abstract class HeadReader {
  readonly strictness: Strictness;
  protected at = 0;
  protected depth = 0;
  /** Argument of the last head; `big` holds it instead when it is beyond 2^53. */
  protected argument = 0;
  protected big: bigint | undefined;
  protected info = 0;

  constructor(
    readonly input: Uint8Array,
    readonly mode: Mode,
  ) {
    this.strictness = STRICTNESS[mode];
  }

  get offset(): number {
    return this.at;
  }

  get remaining(): number {
    return this.input.length - this.at;
  }

  protected fail(reason: string): never {
    throw new DecodeError(`${reason} at byte ${this.at}`);
  }

  protected peek(): number {
    if (this.at >= this.input.length) this.fail("unexpected end of input");
    return this.input[this.at] as number;
  }

  /** Major type 0..7 of the next item; 6 is a tag. */
  peekType(): number {
    return this.peek() >> 5;
  }

  /** Major type 0..7 of the next item, after the tags in front of it where the mode allows them. */
  peekMajor(): number {
    const major = this.peek() >> 5;
    return major === 6 ? this.skipTags() : major;
  }

  protected skipTags(): number {
    if (!this.strictness.loose) this.fail("tags are not allowed");
    // As in the reference the first tag of a row does not count as a level.
    for (let level = this.depth; this.peek() >> 5 === 6; level++) {
      if (level > this.strictness.maxDepth) this.fail(`nesting deeper than ${this.strictness.maxDepth}`);
      this.head();
      if (this.info === 31) this.fail("indefinite tag");
    }
    return this.peek() >> 5;
  }

  protected head(): number {
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

  protected longArgument(info: number): void {
    const size = 1 << (info - 24);
    if (this.remaining < size) this.fail("unexpected end of input");
    let shortest: number;
    if (size === 1) {
      this.argument = this.input[this.at] as number;
      shortest = 24;
    } else if (size === 2) {
      this.argument = ((this.input[this.at] as number) << 8) | (this.input[this.at + 1] as number);
      shortest = 0x100;
    } else if (size === 4) {
      this.argument = uint32At(this.input, this.at);
      shortest = 0x10000;
    } else {
      const high = uint32At(this.input, this.at);
      const low = uint32At(this.input, this.at + 4);
      shortest = 0x100000000;
      this.argument = high * 0x100000000 + low;
      if (high >= 0x200000) this.big = (BigInt(high) << 32n) | BigInt(low);
    }
    this.at += size;
    if (this.strictness.canonical && this.argument < shortest) this.fail("integer is not in its shortest form");
  }

  protected expected(what: string, major: number): never {
    this.fail(`expected ${what}, found ${MAJOR_NAMES[major] as string} before`);
  }

  /** The count of a head in one byte if it is of this type and all that it counts can be there; else -1. */
  protected shortCount(want: number, max: number, unit: number): number {
    const { input, at } = this;
    const short = (input[at] ?? 0xff) - (want << 5);
    if (short < 0 || short > 23 || short > max || short * unit >= input.length - at) return -1;
    this.at = at + 1;
    return short;
  }
}
