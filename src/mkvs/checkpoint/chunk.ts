/** Chunks: parts of a tree as the entries of a proof, compressed (mkvs: checkpoints). */
import { readU32be, readU64be } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { ENTRY_HASH, ENTRY_NODE } from "../proof/proof.js";
import { snappyBlocks, SnappyWriter } from "./snappy-stream.js";

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

/**
 * The entries of a compressed chunk, one after the other.
 *
 * @throws DecodeError when it is malformed; entries that were yielded before are then worth nothing
 */
export function* chunkEntries(chunk: Uint8Array): Iterable<Uint8Array | null> {
  let pending = new Uint8Array(0);
  for (const block of snappyBlocks(chunk)) {
    const bytes = joined(pending, block);
    let at = 0;
    for (;;) {
      const item = itemAt(bytes, at);
      if (item === undefined) {
        break;
      }
      at = item.end;
      yield item.start < 0 ? null : bytes.subarray(item.start, item.end);
    }
    pending = bytes.subarray(at);
  }
  if (pending.length > 0) {
    throw new DecodeError("chunk cut short within an entry");
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

/** Where the content of the next entry is (`start` -1 for null); undefined when it is not all there yet. */
function itemAt(bytes: Uint8Array, at: number): { start: number; end: number } | undefined {
  const head = bytes[at];
  if (head === undefined) {
    return undefined;
  }
  if (head === CBOR_NULL || head === CBOR_UNDEFINED) {
    return { start: -1, end: at + 1 };
  }
  const info = head & 31;
  if (head >> 5 !== CBOR_BYTES || info > 27) {
    throw new DecodeError(`a chunk entry begins with byte ${head}, which is neither a byte string nor null`);
  }
  const start = at + 1 + (info < 24 ? 0 : 1 << (info - 24));
  if (start > bytes.length) {
    return undefined;
  }
  const end = start + lengthOf(bytes, at, info);
  return end > bytes.length ? undefined : { start, end };
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
