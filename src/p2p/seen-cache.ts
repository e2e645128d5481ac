import { assert } from "#common/assert.js";
import { readU32le } from "#common/bytes.js";

/** Words of an identity that are kept: it is a hash, and nobody finds two with the same first 128 bits. */
const ID_WORDS = 4;
const FIRST_ROWS = 64;

/**
 * Remembers when identities were seen, the latest ones if there are too many. A node remembers hundreds of thousands, so
 * they are rows of arrays, 40 bytes each, and not objects of the language, which take four times as much.
 */
export class SeenCache {
  /** Entries at the moment. */
  private count = 0;
  private rows = FIRST_ROWS;
  /** Rows by the first word of their identity; a power of two. Row 0 stands for none, here and below. */
  private heads = new Int32Array(FIRST_ROWS);
  /** The next row with the same place in `heads`, or the next one that is free. */
  private nexts = new Int32Array(FIRST_ROWS);
  private ids = new Int32Array(FIRST_ROWS * ID_WORDS);
  private times = new Float64Array(FIRST_ROWS);
  /** Neighbours by age. Row 0 closes the ring: before it is the newest, behind it the oldest. */
  private older = new Int32Array(FIRST_ROWS);
  private newer = new Int32Array(FIRST_ROWS);
  private used = 1;
  private free = 0;

  /**
   * @param capacity most entries
   * @param ttlMs how long an entry lasts, in milliseconds; for ever when absent
   */
  constructor(
    private readonly capacity: number,
    private readonly ttlMs: number = Number.POSITIVE_INFINITY,
  ) {
    assert(capacity > 0, "A cache must hold at least one entry.");
  }

  /** Entries, those that are too old and in nobody's way included. */
  get size(): number {
    return this.count;
  }

  /**
   * When an identity was seen last, in milliseconds; undefined when that is forgotten.
   *
   * @param id a hash of at least 16 bytes
   */
  get(id: Uint8Array, nowMs: number): number | undefined {
    const row = this.find(id);
    const atMs = this.times[row] as number;
    return row === 0 || nowMs - atMs >= this.ttlMs ? undefined : atMs;
  }

  /** An identity was seen; nobody has seen another one later. */
  set(id: Uint8Array, nowMs: number): void {
    this.delete(id);
    while (this.count > 0) {
      const oldest = this.newer[0] as number;
      if (this.count < this.capacity && nowMs - (this.times[oldest] as number) < this.ttlMs) break;
      this.remove(oldest);
    }
    const row = this.freeRow();
    for (let i = 0; i < ID_WORDS; i++) this.ids[row * ID_WORDS + i] = readU32le(id, 4 * i);
    this.times[row] = nowMs;
    this.enter(row);
    const newest = this.older[0] as number;
    this.newer[newest] = row;
    this.older[row] = newest;
    this.newer[row] = 0;
    this.older[0] = row;
    this.count++;
  }

  delete(id: Uint8Array): void {
    const row = this.find(id);
    if (row !== 0) this.remove(row);
  }

  private place(row: number): number {
    return (this.ids[row * ID_WORDS] as number) & (this.heads.length - 1);
  }

  private find(id: Uint8Array): number {
    const { ids } = this;
    const first = readU32le(id, 0);
    let row = this.heads[first & (this.heads.length - 1)] as number;
    for (; row !== 0; row = this.nexts[row] as number) {
      let i = 0;
      while (i < ID_WORDS && ids[row * ID_WORDS + i] === (readU32le(id, 4 * i) | 0)) i++;
      if (i === ID_WORDS) break;
    }
    return row;
  }

  private enter(row: number): void {
    const place = this.place(row);
    this.nexts[row] = this.heads[place] as number;
    this.heads[place] = row;
  }

  private remove(row: number): void {
    const { nexts, heads, older, newer } = this;
    const place = this.place(row);
    if (heads[place] === row) {
      heads[place] = nexts[row] as number;
    } else {
      let before = heads[place] as number;
      while (nexts[before] !== row) before = nexts[before] as number;
      nexts[before] = nexts[row] as number;
    }
    newer[older[row] as number] = newer[row] as number;
    older[newer[row] as number] = older[row] as number;
    nexts[row] = this.free;
    this.free = row;
    this.count--;
  }

  private freeRow(): number {
    const row = this.free;
    if (row !== 0) {
      this.free = this.nexts[row] as number;
      return row;
    }
    if (this.used === this.rows) this.grow();
    return this.used++;
  }

  /** About doubles the rows, all of which are in use. */
  private grow(): void {
    this.heads = new Int32Array(2 * this.heads.length);
    this.rows = Math.min(2 * this.rows, this.capacity + 1);
    this.nexts = new Int32Array(this.rows);
    this.ids = grown(this.ids, this.rows * ID_WORDS);
    this.older = grown(this.older, this.rows);
    this.newer = grown(this.newer, this.rows);
    const times = new Float64Array(this.rows);
    times.set(this.times);
    this.times = times;
    for (let row = 1; row < this.used; row++) this.enter(row);
  }
}

function grown(old: Int32Array, words: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(words);
  larger.set(old);
  return larger;
}
