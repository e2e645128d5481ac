/** The snappy framing format: a stream of blocks with checksums (mkvs: checkpoints). */
import { readU32le } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { maskedCrc32c } from "./crc32c.js";
import { decodeBlock, encodeBlock, MAX_BLOCK_BYTES, maxEncodedLength } from "./snappy-block.js";

/** The frame that every stream begins with. */
const STREAM_HEADER: readonly number[] = [0xff, 0x06, 0x00, 0x00, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59];
const FRAME_COMPRESSED = 0x00;
const FRAME_RAW = 0x01;
const FRAME_STREAM_HEADER = 0xff;
/** Frames of this type and above may be skipped by those who do not know them; those below may not. */
const FRAME_SKIPPABLE = 0x80;
/** Type and three bytes of length. */
const FRAME_HEADER_BYTES = 4;
const CHECKSUM_BYTES = 4;

/** Compresses what is written to it. Its frames depend on how the input is cut into writes, as the reference's do. */
export class SnappyWriter {
  readonly #buffer = new Uint8Array(MAX_BLOCK_BYTES);
  #buffered = 0;
  #out: Uint8Array;
  #size = 0;

  /** @param expected bytes of output to make room for */
  constructor(expected = 1 << 16) {
    this.#out = new Uint8Array(expected + STREAM_HEADER.length);
    this.#out.set(STREAM_HEADER);
    this.#size = STREAM_HEADER.length;
  }

  /** Room for a write of at most so many bytes in the buffer itself, or -1 when it must go through `write`. */
  claim(length: number): number {
    if (length > MAX_BLOCK_BYTES - this.#buffered) {
      return -1;
    }
    const at = this.#buffered;
    this.#buffered += length;
    return at;
  }

  /** The buffer that `claim` gives places in. */
  get buffer(): Uint8Array {
    return this.#buffer;
  }

  write(bytes: Uint8Array): void {
    let at = 0;
    while (bytes.length - at > MAX_BLOCK_BYTES - this.#buffered) {
      if (this.#buffered === 0) {
        // Too much for the buffer: all of it is framed at once, the short last block too.
        this.#frames(bytes, at, bytes.length);
        return;
      }
      const take = MAX_BLOCK_BYTES - this.#buffered;
      this.#buffer.set(bytes.subarray(at, at + take), this.#buffered);
      this.#buffered = MAX_BLOCK_BYTES;
      at += take;
      this.#flush();
    }
    this.#buffer.set(bytes.subarray(at), this.#buffered);
    this.#buffered += bytes.length - at;
  }

  /** The whole stream; the writer is not to be used afterwards. */
  finish(): Uint8Array {
    this.#flush();
    return this.#out.subarray(0, this.#size);
  }

  #flush(): void {
    this.#frames(this.#buffer, 0, this.#buffered);
    this.#buffered = 0;
  }

  #frames(bytes: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to; at += MAX_BLOCK_BYTES) {
      this.#frame(bytes, at, at + MAX_BLOCK_BYTES < to ? at + MAX_BLOCK_BYTES : to);
    }
  }

  #frame(bytes: Uint8Array, from: number, to: number): void {
    const length = to - from;
    const header = this.#size;
    const body = header + FRAME_HEADER_BYTES + CHECKSUM_BYTES;
    this.#room(body + maxEncodedLength(length));
    const out = this.#out;
    let end = encodeBlock(out, body, bytes, from, to);
    let type = FRAME_COMPRESSED;
    if (end - body >= length - (length >> 3)) {
      type = FRAME_RAW;
      out.set(bytes.subarray(from, to), body);
      end = body + length;
    }
    const size = end - body + CHECKSUM_BYTES;
    out[header] = type;
    out[header + 1] = size & 255;
    out[header + 2] = (size >> 8) & 255;
    out[header + 3] = size >> 16;
    const checksum = maskedCrc32c(bytes, from, to);
    out[header + 4] = checksum & 255;
    out[header + 5] = (checksum >>> 8) & 255;
    out[header + 6] = (checksum >>> 16) & 255;
    out[header + 7] = checksum >>> 24;
    this.#size = end;
  }

  #room(bytes: number): void {
    if (bytes > this.#out.length) {
      const larger = new Uint8Array(2 * bytes);
      larger.set(this.#out.subarray(0, this.#size));
      this.#out = larger;
    }
  }
}

/**
 * Decompresses a stream.
 *
 * @throws DecodeError when it is malformed
 */
export function snappyBytes(stream: Uint8Array): Uint8Array {
  let out = new Uint8Array(2 * stream.length + MAX_BLOCK_BYTES);
  let size = 0;
  let at = 0;
  while (at < stream.length) {
    if (stream.length - at < FRAME_HEADER_BYTES) {
      throw new DecodeError("snappy stream cut short");
    }
    const type = stream[at] as number;
    const body = at + FRAME_HEADER_BYTES;
    const end = body + (readU32le(stream, at) >>> 8);
    if (end > stream.length) {
      throw new DecodeError("snappy stream cut short");
    }
    if (at === 0 || type === FRAME_STREAM_HEADER) {
      checkStreamHeader(stream.subarray(at, end));
    } else if (type === FRAME_COMPRESSED || type === FRAME_RAW) {
      if (out.length - size < MAX_BLOCK_BYTES) {
        const larger = new Uint8Array(2 * out.length);
        larger.set(out.subarray(0, size));
        out = larger;
      }
      size = putBlock(out, size, stream, type, body, end);
    } else if (type < FRAME_SKIPPABLE) {
      throw new DecodeError(`snappy frame of unknown type ${type}`);
    }
    at = end;
  }
  return out.subarray(0, size);
}

function checkStreamHeader(frame: Uint8Array): void {
  if (frame.length !== STREAM_HEADER.length || STREAM_HEADER.some((byte, i) => frame[i] !== byte)) {
    throw new DecodeError("no snappy stream");
  }
}

/** Puts the content of a frame to a place with room for a whole block; returns where it ends. */
function putBlock(out: Uint8Array, at: number, stream: Uint8Array, type: number, body: number, end: number): number {
  const data = body + CHECKSUM_BYTES;
  if (data > end || (type === FRAME_RAW && end - data > MAX_BLOCK_BYTES)) {
    throw new DecodeError("snappy frame of a wrong length");
  }
  let blockEnd = at + end - data;
  if (type === FRAME_RAW) {
    out.set(stream.subarray(data, end), at);
  } else {
    blockEnd = decodeBlock(out, at, stream, data, end);
  }
  if (maskedCrc32c(out, at, blockEnd) !== readU32le(stream, body)) {
    throw new DecodeError("snappy block with a wrong checksum");
  }
  return blockEnd;
}
