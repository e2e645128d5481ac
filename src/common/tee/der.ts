/**
 * DER as Go's `cryptobyte` reads it: definite lengths in the fewest bytes, tags below 31, at most 2^32 bytes. Every read
 * gives a view of the input and moves on, so reading costs linear time whatever the bytes say.
 */
import { toHex } from "../bytes.js";
import { DecodeError } from "../errors/index.js";

export const DER_BOOLEAN = 0x01;
export const DER_INTEGER = 0x02;
export const DER_BIT_STRING = 0x03;
export const DER_OCTET_STRING = 0x04;
export const DER_OBJECT_IDENTIFIER = 0x06;
export const DER_UTF8_STRING = 0x0c;
export const DER_PRINTABLE_STRING = 0x13;
export const DER_UTC_TIME = 0x17;
export const DER_GENERALIZED_TIME = 0x18;
export const DER_SEQUENCE = 0x30;
export const DER_SET = 0x31;

const LONG_FORM_TAG = 0x1f;
const MAX_LENGTH_BYTES = 4;
const OID_NUMBER_MAX = 0x7fffffff;

/** One element: its tag, its contents, and all of its bytes. */
export interface DerElement {
  readonly tag: number;
  readonly contents: Uint8Array;
  readonly whole: Uint8Array;
}

/** Reads elements one after the other. Throws DecodeError when the next one is malformed or another one. */
export class DerReader {
  #rest: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#rest = bytes;
  }

  get isEmpty(): boolean {
    return this.#rest.length === 0;
  }

  /** Whether an element with this tag comes next. */
  isNext(tag: number): boolean {
    return this.#rest[0] === tag;
  }

  readAny(): DerElement {
    const bytes = this.#rest;
    const tag = bytes[0];
    const lengthByte = bytes[1];
    if (tag === undefined || lengthByte === undefined) throw new DecodeError("DER: element cut off");
    if ((tag & LONG_FORM_TAG) === LONG_FORM_TAG) throw new DecodeError("DER: tag above 30");
    const header = lengthByte < 0x80 ? 2 : 2 + (lengthByte & 0x7f);
    const end = header + (lengthByte < 0x80 ? lengthByte : longLength(bytes, lengthByte & 0x7f));
    if (end > bytes.length) throw new DecodeError("DER: element cut off");
    this.#rest = bytes.subarray(end);
    return { tag, contents: bytes.subarray(header, end), whole: bytes.subarray(0, end) };
  }

  element(tag: number): DerElement {
    const element = this.readAny();
    if (element.tag !== tag) throw new DecodeError(`DER: tag ${element.tag} instead of ${tag}`);
    return element;
  }

  read(tag: number): Uint8Array {
    return this.element(tag).contents;
  }

  /** The contents of the next element if it has this tag. */
  readOptional(tag: number): Uint8Array | undefined {
    return this.isNext(tag) ? this.read(tag) : undefined;
  }

  /** A reader of the elements inside the next one. */
  enter(tag: number = DER_SEQUENCE): DerReader {
    return new DerReader(this.read(tag));
  }

  /** The big-endian bytes of a non-negative integer without leading zeros; [0] for zero. */
  readUnsigned(): Uint8Array {
    const bytes = this.read(DER_INTEGER);
    const first = bytes[0];
    if (first === undefined) throw new DecodeError("DER: integer without bytes");
    const second = bytes[1];
    const padded = second !== undefined && (first === 0 ? second < 0x80 : first === 0xff && second >= 0x80);
    if (padded) throw new DecodeError("DER: integer with needless bytes");
    if (first >= 0x80) throw new DecodeError("DER: negative integer");
    return first === 0 && bytes.length > 1 ? bytes.subarray(1) : bytes;
  }

  /** A non-negative integer up to a maximum of at most 2^32-1. */
  readSmall(max: number): number {
    const bytes = this.readUnsigned();
    if (bytes.length > MAX_LENGTH_BYTES) throw new DecodeError(`DER: integer above ${max}`);
    const value = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
    if (value > max) throw new DecodeError(`DER: integer above ${max}`);
    return value;
  }

  /** The contents of an object identifier in hexadecimal; its numbers are minimal and below 2^31. */
  readOid(): string {
    const bytes = this.read(DER_OBJECT_IDENTIFIER);
    let start = 0;
    let number = 0;
    bytes.forEach((byte, i) => {
      if (i === start && byte === 0x80) throw new DecodeError("DER: object identifier with needless bytes");
      number = number * 128 + (byte & 0x7f);
      if (number > OID_NUMBER_MAX) throw new DecodeError("DER: object identifier with a number too large");
      if (byte < 0x80) [start, number] = [i + 1, 0];
    });
    if (bytes.length === 0 || start !== bytes.length) throw new DecodeError("DER: object identifier cut off");
    return toHex(bytes);
  }

  readBoolean(): boolean {
    const bytes = this.read(DER_BOOLEAN);
    if (bytes.length !== 1 || (bytes[0] !== 0 && bytes[0] !== 0xff)) throw new DecodeError("DER: malformed boolean");
    return bytes[0] === 0xff;
  }

  /** A bit string: its bytes, and how many bits at the end of the last one do not belong to it (they are zero). */
  readBitString(): { readonly bytes: Uint8Array; readonly unused: number } {
    const contents = this.read(DER_BIT_STRING);
    const unused = contents[0];
    if (unused === undefined || unused > 7) throw new DecodeError("DER: malformed bit string");
    const bytes = contents.subarray(1);
    const last = bytes.at(-1);
    if (last === undefined ? unused !== 0 : (last & ((1 << unused) - 1)) !== 0) {
      throw new DecodeError("DER: bit string with stray bits");
    }
    return { bytes, unused };
  }

  /** The bytes of a bit string, moved to the right when its bits end inside a byte, as the reference does. */
  readAlignedBits(): Uint8Array {
    const { bytes, unused } = this.readBitString();
    if (unused === 0) return bytes;
    return bytes.map((byte, i) => ((i === 0 ? 0 : (bytes[i - 1] as number)) << (8 - unused)) | (byte >> unused));
  }
}

function longLength(bytes: Uint8Array, size: number): number {
  if (size === 0 || size > MAX_LENGTH_BYTES || bytes.length < 2 + size) throw new DecodeError("DER: malformed length");
  const length = bytes.subarray(2, 2 + size).reduce((sum, byte) => sum * 256 + byte, 0);
  if (bytes[2] === 0 || length < 0x80) throw new DecodeError("DER: length with needless bytes");
  return length;
}
