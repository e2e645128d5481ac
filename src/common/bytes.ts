/** Byte strings: comparison, text forms and fixed-width integers. Everything here is synchronous and copies its input. */
import { DecodeError } from "./errors/index.js";

const encoder = new TextEncoder();
// A byte order mark is an ordinary character on the wire, so it must survive decoding.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Whether two byte strings have the same length and content. Not constant-time: never compare secrets with it. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  const length = a.length;
  if (length !== b.length) {
    return false;
  }
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) {
      return false;
    }
  }
  return true;
}

/** Bytewise (lexicographic) order, as Go's `bytes.Compare`: negative, zero or positive; a prefix sorts first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = a.length < b.length ? a.length : b.length;
  for (let i = 0; i < length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) {
      return difference;
    }
  }
  return a.length - b.length;
}

/** One new array that holds the parts one after the other. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let total = 0;
  for (const part of parts) {
    total += part.length;
  }
  const out = new Uint8Array(total);
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** The two digits of each byte as character codes, one after the other. */
const HEX_CODES: readonly number[] = Array.from({ length: 512 }, (_, i) =>
  (i >> 1)
    .toString(16)
    .padStart(2, "0")
    .charCodeAt(i & 1),
);
/** A call takes about a hundred thousand arguments before the stack ends. */
const MAX_CHARACTERS = 8192;

// Text that is put together by `+=` is a chain of one object per piece: as a key it would take thirty times the memory.
function textOfCodes(codes: readonly number[]): string {
  return String.fromCharCode.apply(null, codes as number[]);
}

/** Lower-case hexadecimal text, two digits per byte. */
export function toHex(bytes: Uint8Array): string {
  const { length } = bytes;
  if (length > MAX_CHARACTERS / 2) {
    return toHex(bytes.subarray(0, MAX_CHARACTERS / 2)) + toHex(bytes.subarray(MAX_CHARACTERS / 2));
  }
  const codes = new Array<number>(2 * length);
  for (let i = 0; i < length; i++) {
    const at = 2 * (bytes[i] as number);
    codes[2 * i] = HEX_CODES[at] as number;
    codes[2 * i + 1] = HEX_CODES[at + 1] as number;
  }
  return textOfCodes(codes);
}

/** One character per byte: the quickest key for a `Map`. */
export function binaryText(bytes: Uint8Array): string {
  if (bytes.length > MAX_CHARACTERS) {
    return binaryText(bytes.subarray(0, MAX_CHARACTERS)) + binaryText(bytes.subarray(MAX_CHARACTERS));
  }
  return textOfCodes(bytes as unknown as number[]);
}

const HEX_VALUE: Uint8Array = (() => {
  const table = new Uint8Array(128).fill(255);
  for (let value = 0; value < 16; value++) {
    const digit = value.toString(16);
    table[digit.charCodeAt(0)] = value;
    table[digit.toUpperCase().charCodeAt(0)] = value;
  }
  return table;
})();

/**
 * Reads hexadecimal text of either case, without a prefix.
 *
 * @throws DecodeError on an odd number of digits or any other character
 */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0) {
    throw new DecodeError(`hex text has an odd number of digits (${text.length})`);
  }
  const out = new Uint8Array(text.length >> 1);
  for (let i = 0; i < out.length; i++) {
    const high = HEX_VALUE[text.charCodeAt(2 * i)] ?? 255;
    const low = HEX_VALUE[text.charCodeAt(2 * i + 1)] ?? 255;
    if ((high | low) > 15) {
      throw new DecodeError(`hex text has a character that is no hex digit at or after position ${2 * i}`);
    }
    out[i] = (high << 4) | low;
  }
  return out;
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64_VALUE: Uint8Array = (() => {
  const table = new Uint8Array(128).fill(255);
  for (let i = 0; i < BASE64.length; i++) {
    table[BASE64.charCodeAt(i)] = i;
  }
  return table;
})();

/** Standard base64 text (RFC 4648 section 4) with padding. */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  let i = 0;
  for (; i + 2 < bytes.length; i += 3) {
    const word = ((bytes[i] as number) << 16) | ((bytes[i + 1] as number) << 8) | (bytes[i + 2] as number);
    text += BASE64.charAt(word >> 18) + BASE64.charAt((word >> 12) & 63);
    text += BASE64.charAt((word >> 6) & 63) + BASE64.charAt(word & 63);
  }
  if (i + 1 === bytes.length) {
    const word = bytes[i] as number;
    text += `${BASE64.charAt(word >> 2)}${BASE64.charAt((word & 3) << 4)}==`;
  } else if (i + 2 === bytes.length) {
    const word = ((bytes[i] as number) << 8) | (bytes[i + 1] as number);
    text += `${BASE64.charAt(word >> 10)}${BASE64.charAt((word >> 4) & 63)}${BASE64.charAt((word & 15) << 2)}=`;
  }
  return text;
}

/**
 * Reads standard, padded base64 text. As Go's `base64.StdEncoding` it skips line breaks and ignores stray bits in
 * the last character.
 *
 * @param options.strict refuse line breaks and stray bits too, so that one byte string has exactly one text
 * @throws DecodeError when the text is not padded base64
 */
export function fromBase64(text: string, options?: { readonly strict?: boolean }): Uint8Array {
  const strict = options?.strict === true;
  const source = strict ? text : text.replace(/[\r\n]/g, "");
  if (source.length % 4 !== 0) {
    throw new DecodeError(`base64 text has ${source.length} characters, which is no multiple of 4`);
  }
  const padding = source.endsWith("==") ? 2 : source.endsWith("=") ? 1 : 0;
  const digits = source.length - padding;
  const out = new Uint8Array((digits * 6) >> 3);
  let word = 0;
  let bits = 0;
  let offset = 0;
  for (let i = 0; i < digits; i++) {
    const code = source.charCodeAt(i);
    const value = code < 128 ? (BASE64_VALUE[code] as number) : 255;
    if (value === 255) {
      throw new DecodeError(`base64 text has a character outside its alphabet at position ${i}`);
    }
    word = ((word << 6) | value) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out[offset++] = (word >> bits) & 255;
    }
  }
  if (strict && (word & ((1 << bits) - 1)) !== 0) {
    throw new DecodeError("base64 text has stray bits in its last character");
  }
  return out;
}

/** The UTF-8 bytes of a text; lone surrogates become U+FFFD. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/**
 * The text of UTF-8 bytes; a byte order mark is kept.
 *
 * @throws DecodeError when the bytes are not valid UTF-8
 */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new DecodeError("text is not valid UTF-8");
  }
}

// A view of its own for each number would cost more than all else; nothing in this one survives a call.
const scratch = new DataView(new ArrayBuffer(8));
const scratchBytes = new Uint8Array(scratch.buffer);

function need(bytes: Uint8Array, offset: number, size: number): void {
  if (!(offset >= 0 && offset + size <= bytes.length)) {
    throw new RangeError(`${size} bytes at ${offset} of ${bytes.length}`);
  }
}

function scratchOf(bytes: Uint8Array, offset: number): DataView {
  need(bytes, offset, 8);
  for (let i = 0; i < 8; i++) {
    scratchBytes[i] = bytes[offset + i] as number;
  }
  return scratch;
}

/** Two big-endian bytes of an integer 0..2^16-1. */
export function u16be(value: number): Uint8Array {
  const out = new Uint8Array(2);
  out[0] = value >>> 8;
  out[1] = value;
  return out;
}

/** Four big-endian bytes of an integer 0..2^32-1. */
export function u32be(value: number): Uint8Array {
  const out = new Uint8Array(4);
  out[0] = value >>> 24;
  out[1] = value >>> 16;
  out[2] = value >>> 8;
  out[3] = value;
  return out;
}

/** Eight big-endian bytes; negative values as two's complement, so an i64 works too. */
export function u64be(value: bigint): Uint8Array {
  scratch.setBigUint64(0, value, false);
  return scratchBytes.slice();
}

/** Two little-endian bytes of an integer 0..2^16-1. */
export function u16le(value: number): Uint8Array {
  const out = new Uint8Array(2);
  out[0] = value;
  out[1] = value >>> 8;
  return out;
}

/** Four little-endian bytes of an integer 0..2^32-1. */
export function u32le(value: number): Uint8Array {
  const out = new Uint8Array(4);
  out[0] = value;
  out[1] = value >>> 8;
  out[2] = value >>> 16;
  out[3] = value >>> 24;
  return out;
}

/** Eight little-endian bytes; negative values as two's complement, so an i64 works too. */
export function u64le(value: bigint): Uint8Array {
  scratch.setBigUint64(0, value, true);
  return scratchBytes.slice();
}

/** Reads two big-endian bytes at an offset. Throws RangeError when they are not there, as all readers below. */
export function readU16be(bytes: Uint8Array, offset = 0): number {
  need(bytes, offset, 2);
  return ((bytes[offset] as number) << 8) | (bytes[offset + 1] as number);
}

/** Reads four big-endian bytes at an offset. */
export function readU32be(bytes: Uint8Array, offset = 0): number {
  need(bytes, offset, 4);
  const high = ((bytes[offset] as number) << 8) | (bytes[offset + 1] as number);
  const low = ((bytes[offset + 2] as number) << 8) | (bytes[offset + 3] as number);
  return ((high << 16) | low) >>> 0;
}

/** Reads eight big-endian bytes at an offset. */
export function readU64be(bytes: Uint8Array, offset = 0): bigint {
  return scratchOf(bytes, offset).getBigUint64(0, false);
}

/** Reads two little-endian bytes at an offset. */
export function readU16le(bytes: Uint8Array, offset = 0): number {
  need(bytes, offset, 2);
  return (bytes[offset] as number) | ((bytes[offset + 1] as number) << 8);
}

/** Reads four little-endian bytes at an offset. */
export function readU32le(bytes: Uint8Array, offset = 0): number {
  need(bytes, offset, 4);
  const low = (bytes[offset] as number) | ((bytes[offset + 1] as number) << 8);
  const high = (bytes[offset + 2] as number) | ((bytes[offset + 3] as number) << 8);
  return (low | (high << 16)) >>> 0;
}

/** Reads eight little-endian bytes at an offset. */
export function readU64le(bytes: Uint8Array, offset = 0): bigint {
  return scratchOf(bytes, offset).getBigUint64(0, true);
}
