/** Verifies chunks: the part of a tree that one holds is built in an arena of its own, whose nodes are hashed in pairs. */
import { equalBytes, readU16le, readU32le } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { Arena, HASH_WORDS } from "../arena/arena.js";
import { Refs } from "../arena/refs.js";
import { hashNodes } from "../arena/node-hasher.js";
import { sharedHashEngine } from "../arena/hash-engine.js";
import type { PartLeaves } from "../db/node-db.js";
import { bytesOfBits, shortLabel } from "../node/bits.js";
import { HASH_ENTRY_BYTES } from "../proof/builder.js";
import { ENTRY_HASH, ENTRY_NODE } from "../proof/proof.js";
import { ChunkReader } from "./chunk.js";

const KIND_LEAF = 0;
const KIND_INTERNAL = 1;
const NO_LEAF = 2;
/** What a leaf and its node take of a chunk as a rule, in bytes; only used to make room. */
const USUAL_BYTES = 128;

/** An internal node whose children are still to come. */
interface Open {
  readonly label: Uint8Array;
  readonly bits: number;
  readonly leaf: number;
  /** Undefined until the left child has come. */
  left: number | undefined;
}

/**
 * The leaves of a chunk, in the order in which it has them.
 *
 * @param root hash of the tree
 * @throws DecodeError when the chunk is malformed or proves something about another tree
 */
export function provenLeaves(root: Uint8Array, chunk: Uint8Array): PartLeaves {
  const tree = new ChunkTree(new ChunkReader(chunk));
  const leaves = tree.read();
  if (!equalBytes(tree.rootHash(), root)) {
    throw new DecodeError("the chunk does not have the hash of the root");
  }
  return leaves;
}

class ChunkTree {
  readonly #reader: ChunkReader;
  readonly #bytes: Uint8Array;
  readonly #arena = new Arena();
  readonly #open: Open[] = [];
  /** References of leaves and of internal nodes, as they came. */
  readonly #leaves = new Refs();
  readonly #internals = new Refs();
  readonly #keys: Uint8Array[] = [];
  readonly #values: Uint8Array[] = [];
  readonly #hashWords = new Int32Array(HASH_WORDS);
  #root: number | undefined;

  constructor(reader: ChunkReader) {
    this.#reader = reader;
    this.#bytes = reader.bytes;
    const nodes = Math.trunc(reader.bytes.length / USUAL_BYTES);
    this.#arena.reserve(nodes, nodes);
  }

  /** Reads all entries and hashes what they hold. */
  read(): PartLeaves {
    const reader = this.#reader;
    while (reader.next()) {
      if (this.#root !== undefined) {
        throw new DecodeError("unused entry");
      }
      if (reader.start < 0) {
        this.#place(0);
      } else {
        this.#take(reader.start, reader.end);
      }
    }
    if (this.#root === undefined) {
      throw new DecodeError("cut short");
    }
    const hashes = sharedHashEngine().hashLeaves(this.#keys, this.#values);
    for (let i = 0; i < this.#leaves.count; i++) {
      this.#arena.setLeafHash(this.#leaves.list[i] as number, hashes, i * HASH_WORDS);
    }
    hashNodes(this.#arena, this.#internals);
    return { keys: this.#keys, values: this.#values, hashes };
  }

  rootHash(): Uint8Array {
    return this.#arena.hash(this.#root ?? 0);
  }

  #take(start: number, end: number): void {
    const tag = this.#bytes[start];
    if (tag === ENTRY_HASH) {
      if (end - start !== HASH_ENTRY_BYTES) {
        throw new DecodeError(`hash entry of ${end - start} bytes instead of ${HASH_ENTRY_BYTES}`);
      }
      this.#place(this.#hashOnly(start + 1));
    } else if (tag === ENTRY_NODE) {
      this.#takeNode(start + 1, end);
    } else {
      throw new DecodeError(start === end ? "empty entry" : `unknown entry tag ${tag}`);
    }
  }

  /** A subtree of which only the hash is told stands in the arena as a leaf. */
  #hashOnly(at: number): number {
    for (let i = 0; i < HASH_WORDS; i++) {
      this.#hashWords[i] = readU32le(this.#bytes, at + 4 * i);
    }
    const ref = this.#arena.addLeaf();
    this.#arena.setLeafHash(ref, this.#hashWords, 0);
    return ref;
  }

  #takeNode(at: number, end: number): void {
    const bytes = this.#bytes;
    need(at + 2, end, "node");
    if (bytes[at] === KIND_LEAF) {
      this.#place(this.#leaf(at, end));
      return;
    }
    if (bytes[at] !== KIND_INTERNAL) {
      throw new DecodeError(`malformed node: unknown kind ${bytes[at]}`);
    }
    need(at + 3, end, "internal node");
    const bits = readU16le(bytes, at + 1);
    const labelEnd = at + 3 + bytesOfBits(bits);
    need(labelEnd + 1, end, "label");
    const kind = bytes[labelEnd];
    if (kind !== NO_LEAF && kind !== KIND_LEAF) {
      throw new DecodeError(`malformed node: unknown kind ${kind} of an embedded leaf`);
    }
    const label = bits <= 8 ? shortLabel(bytes[at + 3] as number, bits) : bytes.slice(at + 3, labelEnd);
    const leaf = kind === KIND_LEAF ? this.#leaf(labelEnd, end) : 0;
    this.#open.push({ label, bits, leaf, left: undefined });
  }

  #leaf(at: number, end: number): number {
    const bytes = this.#bytes;
    need(at + 3, end, "leaf");
    const keyEnd = at + 3 + readU16le(bytes, at + 1);
    need(keyEnd + 4, end, "leaf key");
    const valueEnd = keyEnd + 4 + readU32le(bytes, keyEnd);
    need(valueEnd, end, "leaf value");
    this.#keys.push(bytes.subarray(at + 3, keyEnd));
    this.#values.push(bytes.subarray(keyEnd + 4, valueEnd));
    const ref = this.#arena.addLeaf();
    this.#leaves.push(ref);
    return ref;
  }

  /** A child has come, and so have the nodes that it was the last one of. */
  #place(child: number): void {
    let ref = child;
    for (let top = this.#open.at(-1); top !== undefined; top = this.#open.at(-1)) {
      if (top.left === undefined) {
        top.left = ref;
        return;
      }
      ref = this.#arena.addInternal(top.label, top.bits, top.leaf, top.left, ref);
      this.#internals.push(ref);
      this.#open.pop();
    }
    this.#root = ref;
  }
}

function need(wanted: number, end: number, what: string): void {
  if (wanted > end) {
    throw new DecodeError(`malformed node: ${what} needs ${wanted - end} bytes more than are there`);
  }
}
