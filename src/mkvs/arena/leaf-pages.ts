/**
 * Keys and values of leaves on a disk: records one after the other in pages, in the order in which they were written. Pages
 * are never changed; one that holds nothing any more is deleted.
 */
import { readU32be } from "#common/bytes.js";
import { Fault } from "#common/errors/index.js";
import type { DiskTable } from "#common/ports/disk.js";

/** A page takes no further record beyond this length, in bytes: with what a disk adds, it fills whole pages of a file. */
const PAGE_BYTES = 8160;
/** Key length in two bytes, value length in four. */
const HEAD_BYTES = 6;

/** A key and its value, as views of the page that they lie in. */
export interface StoredLeaf {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** What is known of a page: its length and how many of its leaves are still needed. */
interface PageUse {
  bytes: number;
  leaves: number;
  needed: number;
}

export class LeafPages {
  readonly #table: DiskTable;
  readonly #uses = new Map<number, PageUse>();
  #buffer = new Uint8Array(2 * PAGE_BYTES);
  #size = 0;
  #count = 0;
  #next = 1;

  constructor(table: DiskTable) {
    this.#table = table;
  }

  /** The page that the next record goes into. */
  get page(): number {
    return this.#next;
  }

  /** Appends a record to `page`; returns its offset there. The page may be full afterwards and is then written. */
  append(key: Uint8Array, value: Uint8Array): number {
    const length = HEAD_BYTES + key.length + value.length;
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
    out[at] = key.length & 255;
    out[at + 1] = key.length >> 8;
    out[at + 2] = value.length & 255;
    out[at + 3] = (value.length >>> 8) & 255;
    out[at + 4] = (value.length >>> 16) & 255;
    out[at + 5] = value.length >>> 24;
    out.set(key, at + HEAD_BYTES);
    out.set(value, at + HEAD_BYTES + key.length);
    this.#size = at + length;
    this.#count++;
    return at;
  }

  /** Writes the page that is being filled. All that was appended must be flushed before the batch ends. */
  flush(): void {
    if (this.#count === 0) {
      return;
    }
    this.#table.put(pageKey(this.#next), this.#buffer.subarray(0, this.#size));
    this.#uses.set(this.#next, { bytes: this.#size, leaves: this.#count, needed: this.#count });
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
    const bytes = this.#lent(page);
    const keyLength = readU16le(bytes, offset);
    const start = offset + HEAD_BYTES;
    const record = bytes.slice(start, start + keyLength + readU32le(bytes, offset + 2));
    return { key: record.subarray(0, keyLength), value: record.subarray(keyLength) };
  }

  #lent(page: number): Uint8Array {
    const bytes = page === this.#next ? this.#buffer : this.#table.lend(pageKey(page));
    if (bytes === undefined) {
      throw new Fault(`mkvs: leaf page ${page} is missing`);
    }
    return bytes;
  }

  /** A leaf is needed no more. */
  release(page: number): void {
    const use = this.#uses.get(page);
    if (use !== undefined) {
      use.needed--;
    }
  }

  /** A leaf that was released is needed again. */
  retain(page: number): void {
    const use = this.#uses.get(page);
    if (use !== undefined) {
      use.needed++;
    }
  }

  /** Deletes the pages of which nothing is needed. */
  deleteUnneeded(): void {
    for (const [page, { needed }] of this.#uses) {
      if (needed <= 0) {
        this.#table.delete(pageKey(page));
        this.#uses.delete(page);
      }
    }
  }

  /** Deletes a page and all after it. */
  deleteFrom(page: number): void {
    for (const [key] of this.#table.range({ gte: pageKey(page) })) {
      this.#table.delete(key);
      this.#uses.delete(readU32be(key));
    }
    this.#next = page;
  }

  /** Bytes of all pages, and about how many of them are in leaves that are needed no more. */
  get space(): { readonly bytes: number; readonly wasted: number } {
    let bytes = 0;
    let wasted = 0;
    for (const use of this.#uses.values()) {
      bytes += use.bytes;
      wasted += use.bytes * (1 - use.needed / use.leaves);
    }
    return { bytes, wasted };
  }

  /** Pages of which at most the given part is needed, those with the least first. */
  sparsePages(part: number): number[] {
    return [...this.#uses]
      .filter(([, use]) => use.needed <= part * use.leaves)
      .sort(([, a], [, b]) => a.needed / a.leaves - b.needed / b.leaves)
      .map(([page]) => page);
  }

  /** The uses of all pages, to be kept with a snapshot. */
  dump(): Uint8Array {
    const out = new Uint32Array(1 + 4 * this.#uses.size);
    let at = 0;
    out[at++] = this.#next;
    for (const [page, { bytes, leaves, needed }] of this.#uses) {
      out[at++] = page;
      out[at++] = bytes;
      out[at++] = leaves;
      out[at++] = needed;
    }
    return new Uint8Array(out.buffer);
  }

  /** Takes over dumped uses, and what was written after them. */
  load(dump: Uint8Array | undefined): void {
    this.#uses.clear();
    this.#size = 0;
    this.#count = 0;
    const words = dump === undefined ? Uint32Array.of(1) : new Uint32Array(dump.slice().buffer);
    this.#next = words[0] as number;
    for (let i = 1; i + 3 < words.length; i += 4) {
      const use = { bytes: words[i + 1] as number, leaves: words[i + 2] as number, needed: words[i + 3] as number };
      this.#uses.set(words[i] as number, use);
    }
    for (const [key, bytes] of this.#table.range({ gte: pageKey(this.#next) })) {
      const leaves = countLeaves(bytes);
      const page = readU32be(key);
      this.#uses.set(page, { bytes: bytes.length, leaves, needed: leaves });
      this.#next = page + 1;
    }
  }
}

function countLeaves(page: Uint8Array): number {
  let leaves = 0;
  for (let at = 0; at < page.length; leaves++) {
    at += HEAD_BYTES + readU16le(page, at) + readU32le(page, at + 2);
  }
  return leaves;
}

// Without a view on the bytes: these run for every leaf that is read.
function readU16le(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

function readU32le(bytes: Uint8Array, at: number): number {
  return (readU16le(bytes, at) | (readU16le(bytes, at + 2) << 16)) >>> 0;
}

function pageKey(page: number): Uint8Array {
  return Uint8Array.of(page >>> 24, page >>> 16, page >>> 8, page);
}
