/** Reads the leaves of a whole tree, which lie all over the disk, many at a time in the order of their pages. */
import type { Arena } from "./arena.js";
import { endOfRecord, type LeafPages } from "./leaf-pages.js";

/** Leaves that are read ahead at first. */
const FIRST_LEAVES = 1 << 10;
/** Most leaves that are read ahead. */
const MAX_LEAVES = 1 << 17;
/** Most bytes of leaves that are read ahead. */
const MAX_BYTES = 32 << 20;

/** What holds the tree. */
interface Leaves {
  readonly arena: Arena;
  readonly pages: LeafPages;
  record(ref: number): Uint8Array;
  leaves(root: number): Iterable<number>;
}

export class LeafWindow {
  readonly #trees: Leaves;
  readonly #ahead: Iterator<number>;
  #size = FIRST_LEAVES;
  /** The leaves of the window in key order, and where the one that was asked for last stands. */
  #refs: number[] = [];
  #at = 0;
  /** Where the records are; a record that ends at 0 was not read. */
  #starts = new Int32Array(0);
  #ends = new Int32Array(0);
  #bytes = new Uint8Array(0);
  #used = 0;

  /** @param root the tree, whose leaves will be asked for in key order */
  constructor(trees: Leaves, root: number) {
    this.#trees = trees;
    this.#ahead = trees.leaves(root)[Symbol.iterator]();
  }

  /** A leaf in its serialized form, good until the next call. */
  record(ref: number): Uint8Array {
    if (this.#refs[this.#at] !== ref) {
      this.#at++;
      if (this.#at >= this.#refs.length) {
        this.#fill();
      }
    }
    const end = this.#ends[this.#at];
    // Too much to read ahead, or somebody asks in another order.
    const absent = this.#refs[this.#at] !== ref || end === undefined || end === 0;
    return absent ? this.#trees.record(ref) : this.#bytes.subarray(this.#starts[this.#at], end);
  }

  #fill(): void {
    const refs: number[] = [];
    while (refs.length < this.#size) {
      const next = this.#ahead.next();
      if (next.done === true) {
        break;
      }
      refs.push(next.value);
    }
    this.#refs = refs;
    this.#at = 0;
    this.#starts = new Int32Array(refs.length);
    this.#ends = new Int32Array(refs.length);
    this.#used = 0;
    this.#read(refs);
    const fitting = Math.trunc((MAX_BYTES * refs.length) / (2 * this.#used + 1));
    this.#size = Math.max(1, Math.min(MAX_LEAVES, 16 * this.#size, fitting));
  }

  /** Reads the records page by page, until they are too many. */
  #read(refs: readonly number[]): void {
    const { arena, pages } = this.#trees;
    const order = Float64Array.from(refs, (ref, i) => arena.leafPage(ref) * MAX_LEAVES + i).sort();
    let page = 0;
    let bytes = new Uint8Array(0);
    for (const place of order) {
      const wanted = Math.trunc(place / MAX_LEAVES);
      const i = place % MAX_LEAVES;
      // Page 0 stands for leaves that have no place yet.
      if (wanted === 0) {
        continue;
      }
      if (wanted !== page) {
        page = wanted;
        bytes = pages.lendPage(page) as Uint8Array<ArrayBuffer>;
      }
      const from = arena.leafOffset(refs[i] as number);
      const to = endOfRecord(bytes, from);
      if (this.#used + to - from > MAX_BYTES) {
        return;
      }
      this.#room(this.#used + to - from);
      this.#bytes.set(bytes.subarray(from, to), this.#used);
      this.#starts[i] = this.#used;
      this.#used += to - from;
      this.#ends[i] = this.#used;
    }
  }

  #room(size: number): void {
    if (size > this.#bytes.length) {
      const larger = new Uint8Array(Math.min(2 * size, MAX_BYTES));
      larger.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = larger;
    }
  }
}
