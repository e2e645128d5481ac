/**
 * Nodes as rows of typed arrays: 50 bytes for an internal node, 38 for a leaf whose key and value are somewhere else. A
 * reference is a number: 0 is nothing, a positive one an internal node's row, a negative one minus a leaf's row. Rows are
 * never changed while a tree that anybody can see uses them.
 */
import { HASH_SIZE } from "#common/hash.js";
import { bytesOfBits, sliceBits } from "../node/bits.js";
import { leafHash as longLeafHash } from "../node/node.js";
import { HashEngine } from "./hash-engine.js";

export const HASH_WORDS = HASH_SIZE >> 2;
const FIRST_CAPACITY = 1024;
/** Labels of at most so many bits lie in the row itself. */
const INLINE_BITS = 32;
const INTERNAL_PREFIX = 1;
const LEAF_PREFIX = 0;
/** SHA-512/256 of nothing, as words of this machine: the hash of a missing child. */
const EMPTY_WORDS: Uint32Array = (() => {
  const words = new Uint32Array(HASH_WORDS);
  new HashEngine().digest(0, words, 0);
  return words;
})();

/** Rows that are not in use, last in first out. */
class FreeRows {
  #rows = new Int32Array(FIRST_CAPACITY);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  push(row: number): void {
    if (this.#count === this.#rows.length) {
      const larger = new Int32Array(2 * this.#count);
      larger.set(this.#rows);
      this.#rows = larger;
    }
    this.#rows[this.#count++] = row;
  }

  pop(): number {
    return this.#count === 0 ? 0 : (this.#rows[--this.#count] as number);
  }
}

/** A list of references that grows. */
export class Refs {
  list = new Int32Array(64);
  count = 0;

  push(ref: number): void {
    if (this.count === this.list.length) {
      const larger = new Int32Array(2 * this.count);
      larger.set(this.list);
      this.list = larger;
    }
    this.list[this.count++] = ref;
  }
}

export class Arena {
  // Internal nodes. Row 0 is never used.
  hashes = new Uint32Array(FIRST_CAPACITY * HASH_WORDS);
  leafs = new Int32Array(FIRST_CAPACITY);
  lefts = new Int32Array(FIRST_CAPACITY);
  rights = new Int32Array(FIRST_CAPACITY);
  labelBits = new Uint16Array(FIRST_CAPACITY);
  labels = new Uint32Array(FIRST_CAPACITY);
  /** Rows ever used, row 0 included. */
  rows = 1;
  /** Labels that do not fit their row. */
  readonly longLabels = new Map<number, Uint8Array>();
  // Leaves. Row 0 is never used.
  leafHashes = new Uint32Array(FIRST_CAPACITY * HASH_WORDS);
  /** Where the leaf lies: a page and an offset in it. */
  leafPages = new Uint32Array(FIRST_CAPACITY);
  leafOffsets = new Uint16Array(FIRST_CAPACITY);
  leafRows = 1;
  readonly #free = new FreeRows();
  readonly #freeLeaves = new FreeRows();
  readonly #engine = new HashEngine();

  /** Rows in use: internal nodes and leaves. */
  get used(): { readonly internal: number; readonly leaves: number } {
    return {
      internal: this.rows - 1 - this.#free.count,
      leaves: this.leafRows - 1 - this.#freeLeaves.count,
    };
  }

  /** Makes room for so many more rows of each kind at once. */
  reserve(rows: number): void {
    this.#growInternal(this.rows + rows);
    this.#growLeaves(this.leafRows + rows);
  }

  /** A new internal node with its hash. */
  addInternal(label: Uint8Array, labelBits: number, leaf: number, left: number, right: number): number {
    let row = this.#free.pop();
    if (row === 0) {
      if (this.rows === this.lefts.length) {
        this.#growInternal(this.rows + (this.rows >> 1));
      }
      row = this.rows++;
    }
    this.leafs[row] = leaf;
    this.lefts[row] = left;
    this.rights[row] = right;
    this.#setLabel(row, label, labelBits);
    this.#hashInternal(row, label, labelBits);
    return row;
  }

  /** A new leaf with its hash; where it lies is set by whoever stores it. Returns a reference. */
  addLeaf(key: Uint8Array, value: Uint8Array): number {
    const row = this.#leafRow();
    this.#hashLeaf(row, key, value);
    return -row;
  }

  /** A new leaf whose hash is known, 32 bytes. */
  addHashedLeaf(hash: Uint8Array): number {
    const row = this.#leafRow();
    new Uint8Array(this.leafHashes.buffer).set(hash, row * HASH_SIZE);
    return -row;
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
      if ((this.labelBits[ref] as number) > INLINE_BITS) {
        this.longLabels.delete(ref);
      }
      this.#free.push(ref);
    }
  }

  /** The label of an internal node. Shared where it is short: never change it. */
  label(row: number): Uint8Array {
    const bits = this.labelBits[row] as number;
    if (bits > INLINE_BITS) {
      return this.longLabels.get(row) as Uint8Array;
    }
    const word = this.labels[row] as number;
    if (bits <= 8) {
      scratchByte[0] = word;
      return sliceBits(scratchByte, 0, bits);
    }
    const out = new Uint8Array(bytesOfBits(bits));
    for (let i = 0; i < out.length; i++) {
      out[i] = word >>> (8 * i);
    }
    return out;
  }

  /** A copy of the hash of a node, 32 bytes; of nothing for reference 0. */
  hash(ref: number): Uint8Array {
    const words = ref < 0 ? this.leafHashes : ref > 0 ? this.hashes : EMPTY_WORDS;
    const at = (ref < 0 ? -ref : ref) * HASH_SIZE;
    return new Uint8Array(words.buffer as ArrayBuffer, words.byteOffset, words.byteLength).slice(at, at + HASH_SIZE);
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
      this.leafPages[row] = 0;
      return row;
    }
    if (this.leafRows === this.leafPages.length) {
      this.#growLeaves(this.leafRows + (this.leafRows >> 1));
    }
    return this.leafRows++;
  }

  #setLabel(row: number, label: Uint8Array, bits: number): void {
    this.labelBits[row] = bits;
    if (bits > INLINE_BITS) {
      this.longLabels.set(row, label);
      return;
    }
    let word = 0;
    for (let i = 0; i < label.length; i++) {
      word |= (label[i] as number) << (8 * i);
    }
    this.labels[row] = word;
  }

  /** Puts the hash input together (mkvs: hashes) and hashes it. */
  #hashInternal(row: number, label: Uint8Array, bits: number): void {
    const engine = this.#engine;
    const { bytes, words, inputAt } = engine;
    const labelBytes = label.length;
    bytes[inputAt] = INTERNAL_PREFIX;
    bytes[inputAt + 1] = bits & 255;
    bytes[inputAt + 2] = bits >> 8;
    let at = inputAt + 3;
    for (let i = 0; i < labelBytes; i++) {
      bytes[at + i] = label[i] as number;
    }
    at += labelBytes;
    if ((at & 3) === 0) {
      this.#putWords(words, at >> 2, this.leafs[row] as number);
      this.#putWords(words, (at >> 2) + HASH_WORDS, this.lefts[row] as number);
      this.#putWords(words, (at >> 2) + 2 * HASH_WORDS, this.rights[row] as number);
    } else {
      bytes.set(this.hash(this.leafs[row] as number), at);
      bytes.set(this.hash(this.lefts[row] as number), at + HASH_SIZE);
      bytes.set(this.hash(this.rights[row] as number), at + 2 * HASH_SIZE);
    }
    engine.digest(3 + labelBytes + 3 * HASH_SIZE, this.hashes, row * HASH_WORDS);
  }

  #putWords(out: Uint32Array, to: number, ref: number): void {
    const from = ref < 0 ? this.leafHashes : ref > 0 ? this.hashes : EMPTY_WORDS;
    const at = (ref < 0 ? -ref : ref) * HASH_WORDS;
    for (let i = 0; i < HASH_WORDS; i++) {
      out[to + i] = from[at + i] as number;
    }
  }

  #hashLeaf(row: number, key: Uint8Array, value: Uint8Array): void {
    const engine = this.#engine;
    const { inputAt } = engine;
    const length = 9 + key.length + value.length;
    if (length > engine.maxInput) {
      new Uint8Array(this.leafHashes.buffer).set(longLeafHash(key, value), row * HASH_SIZE);
      return;
    }
    const { bytes } = engine;
    bytes[inputAt] = LEAF_PREFIX;
    putU32le(bytes, inputAt + 1, key.length);
    bytes.set(key, inputAt + 5);
    putU32le(bytes, inputAt + 5 + key.length, value.length);
    bytes.set(value, inputAt + 9 + key.length);
    engine.digest(length, this.leafHashes, row * HASH_WORDS);
  }

  #growInternal(rows: number): void {
    if (rows <= this.lefts.length) {
      return;
    }
    this.hashes = grown(this.hashes, new Uint32Array(rows * HASH_WORDS));
    this.leafs = grown(this.leafs, new Int32Array(rows));
    this.lefts = grown(this.lefts, new Int32Array(rows));
    this.rights = grown(this.rights, new Int32Array(rows));
    this.labelBits = grown(this.labelBits, new Uint16Array(rows));
    this.labels = grown(this.labels, new Uint32Array(rows));
  }

  #growLeaves(rows: number): void {
    if (rows <= this.leafPages.length) {
      return;
    }
    this.leafHashes = grown(this.leafHashes, new Uint32Array(rows * HASH_WORDS));
    this.leafPages = grown(this.leafPages, new Uint32Array(rows));
    this.leafOffsets = grown(this.leafOffsets, new Uint16Array(rows));
  }
}

const scratchByte = new Uint8Array(1);

function grown<T extends Uint32Array | Int32Array | Uint16Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}

function putU32le(out: Uint8Array, at: number, value: number): void {
  out[at] = value & 255;
  out[at + 1] = (value >>> 8) & 255;
  out[at + 2] = (value >>> 16) & 255;
  out[at + 3] = value >>> 24;
}
