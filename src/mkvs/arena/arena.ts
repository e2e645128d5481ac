/**
 * Nodes as rows of two arrays: 64 bytes, a line of the processor's cache, for an internal node, and 40 for a leaf, whose
 * key and value are somewhere else. A reference is a number: 0 is nothing, a positive one an internal node's row, a
 * negative one minus a leaf's row. Rows are never changed while a tree that anybody can see uses them.
 */
import { readU32le } from "#common/bytes.js";
import { EMPTY_HASH, HASH_SIZE } from "#common/hash.js";
import { bytesOfBits, shortLabel } from "../node/bits.js";
import { FreeRows, type Refs } from "./refs.js";

export const HASH_WORDS = HASH_SIZE >> 2;
const FIRST_CAPACITY = 1024;
/** Words of an internal node's row: hash, references, bits of the label, and the label if it fits the rest. */
export const ROW_WORDS = 16;
export const LEAF_AT = 8;
export const LEFT_AT = 9;
export const RIGHT_AT = 10;
export const BITS_AT = 11;
export const LABEL_AT = 12;
export const INLINE_BYTES = 4 * (ROW_WORDS - LABEL_AT);
/** Words of a leaf's row: hash, page, offset. */
export const LEAF_ROW_WORDS = 10;
const PAGE_AT = 8;
const OFFSET_AT = 9;
/** SHA-512/256 of nothing, as words of this machine: the hash of a missing child. */
export const EMPTY_WORDS = new Int32Array(EMPTY_HASH.slice().buffer);

export class Arena {
  /** Internal nodes. Row 0 is never used. */
  nodes = new Int32Array(FIRST_CAPACITY * ROW_WORDS);
  #nodeBytes = new Uint8Array(this.nodes.buffer);
  /** Rows ever used, row 0 included. */
  rows = 1;
  /** Labels that do not fit their row. */
  readonly longLabels = new Map<number, Uint8Array>();
  /** Leaves. Row 0 is never used. */
  leaves = new Int32Array(FIRST_CAPACITY * LEAF_ROW_WORDS);
  leafRows = 1;
  readonly #free = new FreeRows();
  readonly #freeLeaves = new FreeRows();

  /** Rows in use: internal nodes and leaves. */
  get used(): { readonly internal: number; readonly leaves: number } {
    return {
      internal: this.rows - 1 - this.#free.count,
      leaves: this.leafRows - 1 - this.#freeLeaves.count,
    };
  }

  /** Makes room for so many rows of each kind. */
  reserve(rows: number, leafRows: number): void {
    this.#growInternal(rows);
    this.#growLeaves(leafRows);
  }

  leaf(row: number): number {
    return this.nodes[row * ROW_WORDS + LEAF_AT] as number;
  }

  left(row: number): number {
    return this.nodes[row * ROW_WORDS + LEFT_AT] as number;
  }

  right(row: number): number {
    return this.nodes[row * ROW_WORDS + RIGHT_AT] as number;
  }

  labelBits(row: number): number {
    return this.nodes[row * ROW_WORDS + BITS_AT] as number;
  }

  /** Where the leaf of a reference lies: a page, 0 for none yet, and an offset in it. */
  leafPage(ref: number): number {
    return this.leaves[PAGE_AT - ref * LEAF_ROW_WORDS] as number;
  }

  leafOffset(ref: number): number {
    return this.leaves[OFFSET_AT - ref * LEAF_ROW_WORDS] as number;
  }

  placeLeaf(ref: number, page: number, offset: number): void {
    this.leaves[PAGE_AT - ref * LEAF_ROW_WORDS] = page;
    this.leaves[OFFSET_AT - ref * LEAF_ROW_WORDS] = offset;
  }

  /** Whether two leaves have the same hash. */
  sameLeaf(a: number, b: number): boolean {
    const { leaves } = this;
    for (let i = 0; i < HASH_WORDS; i++) {
      if (leaves[i - a * LEAF_ROW_WORDS] !== leaves[i - b * LEAF_ROW_WORDS]) {
        return false;
      }
    }
    return true;
  }

  /** A new internal node. It has no hash before `hashNodes`. */
  addInternal(label: Uint8Array, labelBits: number, leaf: number, left: number, right: number): number {
    let row = this.#free.pop();
    if (row === 0) {
      if (this.rows * ROW_WORDS === this.nodes.length) {
        this.#growInternal(this.rows + (this.rows >> 1));
      }
      row = this.rows++;
    }
    const { nodes } = this;
    const at = row * ROW_WORDS;
    nodes[at + LEAF_AT] = leaf;
    nodes[at + LEFT_AT] = left;
    nodes[at + RIGHT_AT] = right;
    nodes[at + BITS_AT] = labelBits;
    this.#setLabel(row, label);
    return row;
  }

  /** A new leaf; its hash and where it lies are set by whoever knows them. Returns a reference. */
  addLeaf(): number {
    return -this.#leafRow();
  }

  /** @param hashes has that of the leaf at `at`, as eight words */
  setLeafHash(ref: number, hashes: Int32Array, at: number): void {
    const { leaves } = this;
    for (let i = 0; i < HASH_WORDS; i++) {
      leaves[i - ref * LEAF_ROW_WORDS] = hashes[at + i] as number;
    }
  }

  /** Gives rows back. Nothing may refer to them any more. */
  free(refs: Refs): void {
    for (let i = 0; i < refs.count; i++) {
      this.freeRef(refs.list[i] as number);
    }
  }

  freeRef(ref: number): void {
    if (ref < 0) {
      this.#freeLeaves.push(-ref);
    } else if (ref > 0) {
      if (this.labelBits(ref) > INLINE_BYTES << 3) {
        this.longLabels.delete(ref);
      }
      this.#free.push(ref);
    }
  }

  /** The first eight bits of an internal node's label that is not empty; those behind its end are zero. */
  labelByte(row: number): number {
    return this.#nodeBytes[4 * (row * ROW_WORDS + LABEL_AT)] as number;
  }

  /** The label of an internal node. Shared where it is short: never change it. */
  label(row: number): Uint8Array {
    const bits = this.labelBits(row);
    if (bits <= 8) {
      return shortLabel(this.labelByte(row), bits);
    }
    const size = bytesOfBits(bits);
    if (size > INLINE_BYTES) {
      return this.longLabels.get(row) as Uint8Array;
    }
    const at = 4 * (row * ROW_WORDS + LABEL_AT);
    return this.#nodeBytes.slice(at, at + size);
  }

  /** Copies a label that fits its row to a place in an array. */
  putLabel(row: number, size: number, out: Uint8Array, to: number): void {
    const from = 4 * (row * ROW_WORDS + LABEL_AT);
    for (let i = 0; i < size; i++) {
      out[to + i] = this.#nodeBytes[from + i] as number;
    }
  }

  /** Copies the hash of a node, or of nothing for reference 0, to a place in an array. */
  putHash(ref: number, out: Uint8Array, to: number): void {
    const words = ref < 0 ? this.leaves : ref > 0 ? this.nodes : EMPTY_WORDS;
    const at = ref < 0 ? -ref * LEAF_ROW_WORDS : ref * ROW_WORDS;
    for (let i = 0, j = to; i < HASH_WORDS; i++, j += 4) {
      // The words are of this machine, which has the least byte first, as all that run this do.
      const word = words[at + i] as number;
      out[j] = word;
      out[j + 1] = word >> 8;
      out[j + 2] = word >> 16;
      out[j + 3] = word >> 24;
    }
  }

  /** Whether the hash of a node, which is not nothing, is the given one. */
  hasHash(ref: number, hash: Uint8Array): boolean {
    const words = ref < 0 ? this.leaves : this.nodes;
    const at = ref < 0 ? -ref * LEAF_ROW_WORDS : ref * ROW_WORDS;
    for (let i = 0; i < HASH_WORDS; i++) {
      if (words[at + i] !== (readU32le(hash, 4 * i) | 0)) {
        return false;
      }
    }
    return true;
  }

  /** A copy of the hash of a node, 32 bytes; of nothing for reference 0. */
  hash(ref: number): Uint8Array {
    const words = ref < 0 ? this.leaves : ref > 0 ? this.nodes : EMPTY_WORDS;
    const at = ref < 0 ? -ref * LEAF_ROW_WORDS : ref * ROW_WORDS;
    return new Uint8Array(words.slice(at, at + HASH_WORDS).buffer);
  }

  /** Makes unused every row below the highest that is not marked. Bit `i` of a mark stands for row `i`. */
  adoptMarks(internal: Uint8Array, leaves: Uint8Array): void {
    for (let row = this.rows - 1; row > 0; row--) {
      if (((internal[row >> 3] as number) & (1 << (row & 7))) === 0) {
        this.#free.push(row);
      }
    }
    for (let row = this.leafRows - 1; row > 0; row--) {
      if (((leaves[row >> 3] as number) & (1 << (row & 7))) === 0) {
        this.#freeLeaves.push(row);
      }
    }
  }

  #leafRow(): number {
    const row = this.#freeLeaves.pop();
    if (row !== 0) {
      this.leaves[row * LEAF_ROW_WORDS + PAGE_AT] = 0;
      return row;
    }
    if (this.leafRows * LEAF_ROW_WORDS === this.leaves.length) {
      this.#growLeaves(this.leafRows + (this.leafRows >> 1));
    }
    return this.leafRows++;
  }

  #setLabel(row: number, label: Uint8Array): void {
    if (label.length > INLINE_BYTES) {
      this.longLabels.set(row, label);
      return;
    }
    const at = 4 * (row * ROW_WORDS + LABEL_AT);
    for (let i = 0; i < label.length; i++) {
      this.#nodeBytes[at + i] = label[i] as number;
    }
  }

  #growInternal(rows: number): void {
    if (rows * ROW_WORDS > this.nodes.length) {
      this.nodes = grown(this.nodes, rows * ROW_WORDS);
      this.#nodeBytes = new Uint8Array(this.nodes.buffer);
    }
  }

  #growLeaves(rows: number): void {
    if (rows * LEAF_ROW_WORDS > this.leaves.length) {
      this.leaves = grown(this.leaves, rows * LEAF_ROW_WORDS);
    }
  }
}

function grown(old: Int32Array, words: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(words);
  larger.set(old);
  return larger;
}
