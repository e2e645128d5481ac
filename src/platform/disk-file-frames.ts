/** Frames of the file that a disk is: how batches are written, and which of them are whole. */
import { ftruncateSync, readSync, writeSync } from "node:fs";
import { crc32c } from "#mkvs/checkpoint/crc32c.js";

/** Length of the body, its checksum, whether it closes a batch. */
const HEADER_BYTES = 9;
const OPEN = 0;
const CLOSING = 1;
/** A batch that is longer is written in several frames. */
const FRAME_BYTES = 1 << 20;
const MAX_BODY = 0x7fffffff;
/** Table, kind, key length, value length. */
const OP_BYTES = 9;
const PUT = 1;
const REMOVE = 2;

/** One operation that was read; `at` is where its value is, undefined for a removal. */
export interface FrameOp {
  readonly table: number;
  readonly key: Uint8Array;
  readonly at: number | undefined;
  readonly length: number;
}

/** Appends batches to a file. */
export class FrameWriter {
  readonly #fd: number;
  /** Where the batches that are closed end. */
  #closed: number;
  /** Where the frame that is being filled will begin. */
  #frame: number;
  #body = new Uint8Array(FRAME_BYTES + 4096);
  #size = HEADER_BYTES;

  constructor(fd: number, end: number) {
    this.#fd = fd;
    this.#closed = end;
    this.#frame = end;
  }

  get end(): number {
    return this.#closed;
  }

  /** Returns where the value will be in the file. */
  put(table: number, key: Uint8Array, value: Uint8Array): number {
    this.#room(OP_BYTES + key.length + value.length);
    this.#head(table, PUT, key, value.length);
    const at = this.#frame + this.#size;
    this.#body.set(value, this.#size);
    this.#size += value.length;
    return at;
  }

  remove(table: number, key: Uint8Array): void {
    this.#room(OP_BYTES + key.length);
    this.#head(table, REMOVE, key, 0);
  }

  /** Bytes that are not in the file yet. */
  buffered(at: number, length: number): Uint8Array | undefined {
    return at >= this.#frame ? this.#body.subarray(at - this.#frame, at - this.#frame + length) : undefined;
  }

  /** Closes the batch; false when it was empty. It is not flushed to the device yet. */
  close(): boolean {
    if (this.#frame === this.#closed && this.#size === HEADER_BYTES) {
      return false;
    }
    this.#write(CLOSING);
    this.#closed = this.#frame;
    return true;
  }

  /** Forgets the batch, and takes what is in the file of it out again. */
  discard(): void {
    if (this.#frame !== this.#closed) {
      ftruncateSync(this.#fd, this.#closed);
    }
    this.#frame = this.#closed;
    this.#size = HEADER_BYTES;
  }

  #head(table: number, kind: number, key: Uint8Array, valueLength: number): void {
    const view = new DataView(this.#body.buffer);
    view.setUint16(this.#size, table, true);
    this.#body[this.#size + 2] = kind;
    view.setUint16(this.#size + 3, key.length, true);
    view.setUint32(this.#size + 5, valueLength, true);
    this.#body.set(key, this.#size + OP_BYTES);
    this.#size += OP_BYTES + key.length;
  }

  /** Makes room for an operation, in a new frame if this one is long enough. */
  #room(bytes: number): void {
    if (this.#size > FRAME_BYTES) {
      this.#write(OPEN);
    }
    if (this.#size + bytes > this.#body.length) {
      const larger = new Uint8Array(2 * (this.#size + bytes));
      larger.set(this.#body.subarray(0, this.#size));
      this.#body = larger;
    }
  }

  #write(kind: number): void {
    const view = new DataView(this.#body.buffer);
    this.#body[8] = kind;
    view.setUint32(0, this.#size - HEADER_BYTES, true);
    view.setUint32(4, 0, true);
    this.#body[8] = kind;
    // The checksum covers the kind too: a closing frame must not come about by chance.
    view.setUint32(4, crc32c(this.#body, 8, this.#size), true);
    let written = 0;
    while (written < this.#size) {
      written += writeSync(this.#fd, this.#body, written, this.#size - written, this.#frame + written);
    }
    this.#frame += this.#size;
    this.#size = HEADER_BYTES;
  }
}

/** Reads the batches of a file up to the first that is not whole. */
export class FrameReader {
  readonly #fd: number;
  /** Where the last whole batch ends. */
  end = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  *operations(): Iterable<FrameOp> {
    let at = 0;
    let batch: FrameOp[] = [];
    for (;;) {
      const frame = this.#frame(at);
      if (frame === undefined) {
        return;
      }
      for (const op of operationsOf(frame, at)) {
        batch.push(op);
      }
      at += frame.length;
      if (frame[8] === CLOSING) {
        yield* batch;
        batch = [];
        this.end = at;
      }
    }
  }

  /** The frame at a place, header included; undefined when it is not all there or damaged. */
  #frame(at: number): Uint8Array | undefined {
    const header = new Uint8Array(HEADER_BYTES);
    if (readSync(this.#fd, header, 0, HEADER_BYTES, at) !== HEADER_BYTES) {
      return undefined;
    }
    const view = new DataView(header.buffer);
    const length = view.getUint32(0, true);
    const size = HEADER_BYTES + length;
    // A length that is nonsense must not cost memory: whether the last byte is there is asked first.
    if (length > MAX_BODY || length === 0 || readSync(this.#fd, new Uint8Array(1), 0, 1, at + size - 1) !== 1) {
      return undefined;
    }
    const frame = new Uint8Array(size);
    const complete = readSync(this.#fd, frame, 0, size, at) === size;
    return complete && crc32c(frame, 8, size) === view.getUint32(4, true) ? frame : undefined;
  }
}

function operationsOf(frame: Uint8Array, fileAt: number): FrameOp[] {
  const view = new DataView(frame.buffer);
  const found: FrameOp[] = [];
  for (let at = HEADER_BYTES; at < frame.length; ) {
    const table = view.getUint16(at, true);
    const put = frame[at + 2] === PUT;
    const keyEnd = at + OP_BYTES + view.getUint16(at + 3, true);
    const length = view.getUint32(at + 5, true);
    const key = frame.slice(at + OP_BYTES, keyEnd);
    found.push({ table, key, at: put ? fileAt + keyEnd : undefined, length });
    at = keyEnd + length;
  }
  return found;
}
