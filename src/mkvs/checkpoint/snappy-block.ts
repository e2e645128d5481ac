/**
 * The snappy block format. A checkpoint is identified by a hash over compressed bytes, so the encoder must choose the
 * same matches as the encoder of the reference (mkvs: checkpoints); any valid encoding is accepted when decoding.
 */
import { DecodeError } from "#common/errors/index.js";

/** Most bytes in one block of a stream. */
export const MAX_BLOCK_BYTES = 65536;
/** Blocks shorter than this are one literal. */
const MIN_COMPRESSIBLE = 17;
/** A match is only looked for this far from the end. */
const INPUT_MARGIN = 15;
const MAX_TABLE_SIZE = 1 << 14;
const TAG_LITERAL = 0;
const TAG_COPY_1 = 1;
const TAG_COPY_2 = 2;

/** Where each hash of four bytes was seen last; zeroed for every block. */
const table = new Uint16Array(MAX_TABLE_SIZE);

/** Room that the encoding of so many bytes can take at most. */
export function maxEncodedLength(length: number): number {
  return 32 + length + Math.trunc(length / 6);
}

/**
 * Compresses the bytes `from` to `to` (at most 65,536) into `out` at `at`, which has room for `maxEncodedLength`.
 *
 * @returns where the encoding ends
 */
export function encodeBlock(out: Uint8Array, at: number, bytes: Uint8Array, from: number, to: number): number {
  const start = putLength(out, at, to - from);
  return to - from < MIN_COMPRESSIBLE
    ? putLiteral(out, start, bytes, from, to)
    : encodeMatches(out, start, bytes, from, to);
}

function putLength(out: Uint8Array, at: number, length: number): number {
  let rest = length;
  let end = at;
  for (; rest >= 128; rest >>>= 7) {
    out[end++] = (rest & 127) | 128;
  }
  out[end++] = rest;
  return end;
}

function putLiteral(out: Uint8Array, at: number, bytes: Uint8Array, from: number, to: number): number {
  const n = to - from - 1;
  let end = at;
  if (n < 0) {
    return end;
  }
  if (n < 60) {
    out[end++] = (n << 2) | TAG_LITERAL;
  } else if (n < 256) {
    out[end++] = (60 << 2) | TAG_LITERAL;
    out[end++] = n;
  } else {
    out[end++] = (61 << 2) | TAG_LITERAL;
    out[end++] = n & 255;
    out[end++] = n >> 8;
  }
  if (n < 24) {
    for (let i = from; i < to; i++) {
      out[end++] = bytes[i] as number;
    }
    return end;
  }
  out.set(bytes.subarray(from, to), end);
  return end + n + 1;
}

function putCopy(out: Uint8Array, at: number, offset: number, length: number): number {
  let rest = length;
  let end = at;
  // A last piece of at least four bytes must remain, since the short form takes no fewer.
  for (; rest >= 68; rest -= 64) {
    end = putLongCopy(out, end, offset, 64);
  }
  if (rest > 64) {
    end = putLongCopy(out, end, offset, 60);
    rest -= 60;
  }
  if (rest >= 12 || offset >= 2048) {
    return putLongCopy(out, end, offset, rest);
  }
  out[end] = ((offset >> 8) << 5) | ((rest - 4) << 2) | TAG_COPY_1;
  out[end + 1] = offset & 255;
  return end + 2;
}

function putLongCopy(out: Uint8Array, at: number, offset: number, length: number): number {
  out[at] = ((length - 1) << 2) | TAG_COPY_2;
  out[at + 1] = offset & 255;
  out[at + 2] = offset >> 8;
  return at + 3;
}

function encodeMatches(out: Uint8Array, at: number, bytes: Uint8Array, from: number, to: number): number {
  const length = to - from;
  let shift = 24;
  let size = 256;
  for (; size < MAX_TABLE_SIZE && size < length; size *= 2) {
    shift--;
  }
  table.fill(0, 0, size);
  // A word at any place is one access this way.
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const limit = length - INPUT_MARGIN;
  let end = at;
  let emitted = 0;
  let s = 1;
  let next = Math.imul(view.getInt32(from + s, true), 0x1e35a7bd) >>> shift;
  for (;;) {
    // Looks for a match, in ever larger steps while there is none.
    let skip = 32;
    let ahead = s;
    let candidate = 0;
    let word = 0;
    do {
      s = ahead;
      ahead = s + (skip >> 5);
      skip += skip >> 5;
      if (ahead > limit) {
        return putLiteral(out, end, bytes, from + emitted, to);
      }
      candidate = table[next] as number;
      table[next] = s;
      word = view.getInt32(from + s, true);
      next = Math.imul(view.getInt32(from + ahead, true), 0x1e35a7bd) >>> shift;
    } while (word !== view.getInt32(from + candidate, true));
    end = putLiteral(out, end, bytes, from + emitted, from + s);
    // Emits this match and those that follow without a literal between.
    for (;;) {
      const base = s;
      s += 4;
      for (let i = candidate + 4; s < length && bytes[from + i] === bytes[from + s]; i++) {
        s++;
      }
      end = putCopy(out, end, base - candidate, s - base);
      emitted = s;
      if (s >= limit) {
        return putLiteral(out, end, bytes, from + emitted, to);
      }
      table[Math.imul(view.getInt32(from + s - 1, true), 0x1e35a7bd) >>> shift] = s - 1;
      word = view.getInt32(from + s, true);
      const hash = Math.imul(word, 0x1e35a7bd) >>> shift;
      candidate = table[hash] as number;
      table[hash] = s;
      if (word !== view.getInt32(from + candidate, true)) {
        s++;
        next = Math.imul(view.getInt32(from + s, true), 0x1e35a7bd) >>> shift;
        break;
      }
    }
  }
}

/**
 * Decompresses the block in the bytes `from` to `to` into `out` at `start`, which has room for `MAX_BLOCK_BYTES`.
 *
 * @returns where the decompressed bytes end
 * @throws DecodeError when it is malformed or larger than that
 */
export function decodeBlock(out: Uint8Array, start: number, bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = at < to && shift < 28 ? (bytes[at++] as number) : -1;
    if (byte < 0) {
      throw malformed("its length");
    }
    length += (byte & 127) << shift;
    if (byte < 128) {
      break;
    }
  }
  if (length > MAX_BLOCK_BYTES) {
    throw new DecodeError(`snappy block of ${length} bytes, the limit is ${MAX_BLOCK_BYTES}`);
  }
  const limit = start + length;
  let end = start;
  while (at < to) {
    const tag = bytes[at++] as number;
    if ((tag & 3) === TAG_LITERAL) {
      const extra = (tag >> 2) - 59;
      const size = 1 + (extra <= 0 ? tag >> 2 : littleEndian(bytes, at, to, extra));
      at += extra > 0 ? extra : 0;
      if (size > to - at || size > limit - end) {
        throw malformed("a literal");
      }
      putBytes(out, end, bytes, at, size);
      at += size;
      end += size;
      continue;
    }
    const short = (tag & 3) === TAG_COPY_1;
    const wide = short ? 1 : (tag & 3) === TAG_COPY_2 ? 2 : 4;
    const offset = littleEndian(bytes, at, to, wide) + (short ? (tag >> 5) << 8 : 0);
    const size = short ? 4 + ((tag >> 2) & 7) : 1 + (tag >> 2);
    at += wide;
    if (offset === 0 || offset > end - start || size > limit - end) {
      throw malformed("a copy");
    }
    copyWithin(out, end, offset, size);
    end += size;
  }
  if (end !== limit) {
    throw malformed("its end");
  }
  return end;
}

/** Short pieces are quicker to copy byte by byte than with an array made for the purpose. */
function putBytes(out: Uint8Array, to: number, bytes: Uint8Array, from: number, size: number): void {
  if (size > 48) {
    out.set(bytes.subarray(from, from + size), to);
    return;
  }
  for (let i = 0; i < size; i++) {
    out[to + i] = bytes[from + i] as number;
  }
}

/** Copies bytes that were just written; the source may overlap what is being written. */
function copyWithin(out: Uint8Array, at: number, offset: number, size: number): void {
  if (offset >= size && size > 24) {
    out.copyWithin(at, at - offset, at - offset + size);
    return;
  }
  for (let i = 0; i < size; i++) {
    out[at + i] = out[at + i - offset] as number;
  }
}

function littleEndian(bytes: Uint8Array, at: number, to: number, size: number): number {
  if (size > to - at) {
    throw malformed("a tag");
  }
  let value = 0;
  for (let i = size - 1; i >= 0; i--) {
    value = value * 256 + (bytes[at + i] as number);
  }
  return value;
}

function malformed(what: string): DecodeError {
  return new DecodeError(`malformed snappy block: ${what}`);
}
