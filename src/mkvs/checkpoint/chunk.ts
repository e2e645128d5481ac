/** Chunks: parts of a tree as the entries of a proof, compressed (mkvs: checkpoints). */
import { readU32be, readU64be } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { ENTRY_HASH, ENTRY_NODE } from "../proof/proof.js";
import { snappyBytes, SnappyWriter } from "./snappy-stream.js";

const CBOR_NULL = 0xf6;
const CBOR_UNDEFINED = 0xf7;
const CBOR_BYTES = 2;
const NULL_ITEM = Uint8Array.of(CBOR_NULL);

/** Writes the entries of a chunk in pre-order. */
export class ChunkWriter {
  readonly #snappy: SnappyWriter;

  /** @param expected bytes of the compressed chunk to make room for */
  constructor(expected: number) {
    this.#snappy = new SnappyWriter(expected);
  }

  /** An entry as it stands in a proof: null, or tag and content. */
  entry(entry: Uint8Array | null): void {
    if (entry === null) {
      this.empty();
    } else {
      this.#item(entry[0] ?? 0, entry.subarray(1));
    }
  }

  /** A node by its compact form. */
  node(compact: Uint8Array): void {
    this.#item(ENTRY_NODE, compact);
  }

  /** A subtree of which only the hash is told. */
  hash(hash: Uint8Array): void {
    this.#item(ENTRY_HASH, hash);
  }

  empty(): void {
    this.#snappy.write(NULL_ITEM);
  }

  /** The compressed chunk. */
  finish(): Uint8Array {
    return this.#snappy.finish();
  }

  /** One byte string in CBOR, written in one piece: the framing depends on it. */
  #item(tag: number, content: Uint8Array): void {
    const length = content.length + 1;
    const head = length < 24 ? 1 : length < 0x100 ? 2 : length < 0x1_0000 ? 3 : 5;
    const claimed = this.#snappy.claim(head + length);
    const out = claimed < 0 ? new Uint8Array(head + length) : this.#snappy.buffer;
    let at = claimed < 0 ? 0 : claimed;
    if (head === 1) {
      out[at] = (CBOR_BYTES << 5) | length;
    } else {
      out[at] = (CBOR_BYTES << 5) | (head === 2 ? 24 : head === 3 ? 25 : 26);
      for (let i = head - 1, rest = length; i > 0; i--, rest >>>= 8) {
        out[at + i] = rest & 255;
      }
    }
    at += head;
    out[at] = tag;
    out.set(content, at + 1);
    if (claimed < 0) {
      this.#snappy.write(out);
    }
  }
}

/** Takes a compressed chunk apart into its entries. */
export class ChunkReader {
  /** What the chunk holds, uncompressed. */
  readonly bytes: Uint8Array;
  /** Where the content of the entry that was read last begins (-1 for null) and where it ends. */
  start = 0;
  end = 0;

  /** @throws DecodeError when it is no snappy stream */
  constructor(chunk: Uint8Array) {
    this.bytes = snappyBytes(chunk);
  }

  /**
   * Goes to the next entry; false when there is none.
   * @throws DecodeError for anything but byte strings and null; entries that were read before are then worth nothing
   */
  next(): boolean {
    const { bytes } = this;
    const at = this.end;
    const head = bytes[at];
    if (head === undefined) {
      return false;
    }
    if (head === CBOR_NULL || head === CBOR_UNDEFINED) {
      this.start = -1;
      this.end = at + 1;
      return true;
    }
    const info = head & 31;
    if (head >> 5 !== CBOR_BYTES || info > 27) {
      throw new DecodeError(`a chunk entry begins with byte ${head}, which is neither a byte string nor null`);
    }
    const start = at + 1 + (info < 24 ? 0 : 1 << (info - 24));
    const end = start > bytes.length ? start : start + lengthOf(bytes, at, info);
    if (end > bytes.length) {
      throw new DecodeError("chunk cut short within an entry");
    }
    this.start = start;
    this.end = end;
    return true;
  }
}

function lengthOf(bytes: Uint8Array, at: number, info: number): number {
  switch (info) {
    case 24:
      return bytes[at + 1] as number;
    case 25:
      return ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    case 26:
      return readU32be(bytes, at + 1);
    case 27: {
      const length = readU64be(bytes, at + 1);
      if (length > 0xffffffffn) {
        throw new DecodeError(`a chunk entry claims ${length} bytes`);
      }
      return Number(length);
    }
    default:
      return info;
  }
}
