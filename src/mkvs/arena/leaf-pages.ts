/**
 * Keys and values of leaves on a disk: records one after the other in pages, in the order in which they were written. Pages
 * are never changed; one that holds nothing any more is deleted.
 */
import { readU16le, readU32be, readU32le, u32be } from "#common/bytes.js";
import { Fault } from "#common/errors/index.js";
import type { DiskTable } from "#common/ports/disk.js";

/** A page takes no further record beyond this length, in bytes: with what a disk adds, it fills whole pages of a file. */
const PAGE_BYTES = 4064;
/** What a record has besides key and value: it is the leaf as it stands in proofs (mkvs: hash and serialization). */
const RECORD_BYTES = 7;
const KEY_AT = 3;

/** A key and its value, as views of the page that they lie in. */
export interface StoredLeaf {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** A page of which something is needed no more: its length and how many of its leaves are still needed. */
interface PageUse {
  readonly bytes: number;
  readonly leaves: number;
  needed: number;
}

/** Words of a dump before its uses: the next page, bytes of all pages in two words. */
const DUMP_HEAD = 3;
const DUMP_USE = 4;
const WORD = 0x1_0000_0000;

export class LeafPages {
  readonly #table: DiskTable;
  /** Of pages that are needed as a whole nothing is known: as long as nothing is pruned, they only become more. */
  readonly #uses = new Map<number, PageUse>();
  /** Of all pages. */
  #bytes = 0;
  /** Pages of which nothing is needed, which are still there. */
  #unneeded = 0;
  #buffer = new Uint8Array(2 * PAGE_BYTES);
  #size = 0;
  #count = 0;
  #next = 1;
  /** Key of the page that is looked up. */
  readonly #lookup = new Uint8Array(4);

  constructor(table: DiskTable) {
    this.#table = table;
  }

  /** The page that the next record goes into. */
  get page(): number {
    return this.#next;
  }

  /** Appends a record to `page`; returns its offset there. The page may be full afterwards and is then written. */
  append(key: Uint8Array, value: Uint8Array): number {
    const length = RECORD_BYTES + key.length + value.length;
    if (this.#size > 0 && this.#size + length > PAGE_BYTES) {
      this.flush();
    }
    if (this.#size + length > this.#buffer.length) {
      const larger = new Uint8Array(this.#size + length);
      larger.set(this.#buffer.subarray(0, this.#size));
      this.#buffer = larger;
    }
    const out = this.#buffer;
    const at = this.#size;
    const lengthAt = at + KEY_AT + key.length;
    out[at] = 0;
    out[at + 1] = key.length;
    out[at + 2] = key.length >> 8;
    out.set(key, at + KEY_AT);
    out[lengthAt] = value.length;
    out[lengthAt + 1] = value.length >>> 8;
    out[lengthAt + 2] = value.length >>> 16;
    out[lengthAt + 3] = value.length >>> 24;
    out.set(value, lengthAt + 4);
    this.#size = at + length;
    this.#count++;
    return at;
  }

  /** Writes the page that is being filled. All that was appended must be flushed before the batch ends. */
  flush(): void {
    if (this.#count === 0) {
      return;
    }
    this.#table.put(u32be(this.#next), this.#buffer.subarray(0, this.#size));
    this.#bytes += this.#size;
    this.#next++;
    this.#size = 0;
    this.#count = 0;
    if (this.#buffer.length > 64 * PAGE_BYTES) {
      this.#buffer = new Uint8Array(2 * PAGE_BYTES);
    }
  }

  /**
   * The record at a place, copied out of its page.
   * @throws Fault when the page is missing
   */
  read(page: number, offset: number): StoredLeaf {
    const record = this.lendRecord(page, offset).slice();
    const lengthAt = KEY_AT + readU16le(record, 1);
    return { key: record.subarray(KEY_AT, lengthAt), value: record.subarray(lengthAt + 4) };
  }

  /**
   * The leaf at a place in its serialized form, good until the next call on the disk.
   * @throws Fault when the page is missing
   */
  lendRecord(page: number, offset: number): Uint8Array {
    const bytes = this.lendPage(page);
    return bytes.subarray(offset, endOfRecord(bytes, offset));
  }

  /** The key of a leaf alone, as `lendRecord` gives all of it. */
  lendKey(page: number, offset: number): Uint8Array {
    const bytes = this.lendPage(page);
    return bytes.subarray(offset + KEY_AT, offset + KEY_AT + readU16le(bytes, offset + 1));
  }

  /** A whole page, as `lendRecord` gives a part of it. */
  lendPage(page: number): Uint8Array {
    let bytes: Uint8Array | undefined = this.#buffer;
    if (page !== this.#next) {
      const key = this.#lookup;
      key[0] = page >>> 24;
      key[1] = page >>> 16;
      key[2] = page >>> 8;
      key[3] = page;
      bytes = this.#table.lend(key);
    }
    if (bytes === undefined) {
      throw new Fault(`mkvs: leaf page ${page} is missing`);
    }
    return bytes;
  }

  /** A leaf is needed no more. */
  release(page: number): void {
    const use = this.#uses.get(page) ?? this.#firstUse(page);
    if (use !== undefined && --use.needed === 0) {
      this.#unneeded++;
    }
  }

  /** Begins to count the leaves of a page; of one that is gone there is nothing to count. */
  #firstUse(page: number): PageUse | undefined {
    const bytes = this.#table.lend(u32be(page));
    if (bytes === undefined) {
      return undefined;
    }
    const leaves = countLeaves(bytes);
    const use = { bytes: bytes.length, leaves, needed: leaves };
    this.#uses.set(page, use);
    return use;
  }

  /** Deletes the pages of which nothing is needed. */
  deleteUnneeded(): void {
    for (const [page, { needed, bytes }] of this.#uses) {
      if (needed <= 0) {
        this.#table.delete(u32be(page));
        this.#uses.delete(page);
        this.#bytes -= bytes;
      }
    }
    this.#unneeded = 0;
  }

  /** Deletes a page and all after it. */
  deleteFrom(page: number): void {
    for (const [key, bytes] of this.#table.range({ gte: u32be(page) })) {
      this.#table.delete(key);
      this.#uses.delete(readU32be(key));
      this.#bytes -= bytes.length;
    }
    this.#next = page;
  }

  /** Pages that `deleteUnneeded` would delete. */
  get unneeded(): number {
    return this.#unneeded;
  }

  /** Bytes of all pages, and about how many of them are in leaves that are needed no more. */
  get space(): { readonly bytes: number; readonly wasted: number } {
    let wasted = 0;
    for (const use of this.#uses.values()) {
      wasted += use.bytes * (1 - use.needed / use.leaves);
    }
    return { bytes: this.#bytes, wasted };
  }

  /** Pages of which at most the given part is needed, those with the least first. */
  sparsePages(part: number): number[] {
    return [...this.#uses]
      .filter(([, use]) => use.needed <= part * use.leaves)
      .sort(([, a], [, b]) => a.needed / a.leaves - b.needed / b.leaves)
      .map(([page]) => page);
  }

  /** What is known of the pages, to be kept with a snapshot. */
  dump(): Uint8Array {
    const out = new Uint32Array(DUMP_HEAD + DUMP_USE * this.#uses.size);
    out[0] = this.#next;
    out[1] = Math.trunc(this.#bytes / WORD);
    out[2] = this.#bytes % WORD;
    let at = DUMP_HEAD;
    for (const [page, { bytes, leaves, needed }] of this.#uses) {
      out[at++] = page;
      out[at++] = bytes;
      out[at++] = leaves;
      out[at++] = needed;
    }
    return new Uint8Array(out.buffer);
  }

  /** Takes over a dump, and what was written after it. */
  load(dump: Uint8Array | undefined): void {
    this.#uses.clear();
    this.#unneeded = 0;
    this.#size = 0;
    this.#count = 0;
    const words = dump === undefined ? Uint32Array.of(1, 0, 0) : new Uint32Array(dump.slice().buffer);
    this.#next = words[0] as number;
    // Older dumps have the uses of all pages instead of their bytes.
    const head = words.length % DUMP_USE === 1 ? 1 : DUMP_HEAD;
    this.#bytes = head === 1 ? 0 : (words[1] as number) * WORD + (words[2] as number);
    for (let i = head; i + DUMP_USE <= words.length; i += DUMP_USE) {
      const use = { bytes: words[i + 1] as number, leaves: words[i + 2] as number, needed: words[i + 3] as number };
      if (head === 1) this.#bytes += use.bytes;
      if (use.needed < use.leaves) this.#uses.set(words[i] as number, use);
    }
    for (const [key, bytes] of this.#table.range({ gte: u32be(this.#next) })) {
      this.#bytes += bytes.length;
      this.#next = readU32be(key) + 1;
    }
  }
}

function countLeaves(page: Uint8Array): number {
  let leaves = 0;
  for (let at = 0; at < page.length; leaves++) {
    at = endOfRecord(page, at);
  }
  return leaves;
}

/** Where a record of a page ends. */
export function endOfRecord(page: Uint8Array, at: number): number {
  const lengthAt = at + KEY_AT + readU16le(page, at + 1);
  return lengthAt + 4 + readU32le(page, lengthAt);
}
