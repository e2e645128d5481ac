/** An ordered map from byte strings to values, in bytewise key order, with cheap scans from any position. */
import { compareBytes } from "./bytes.js";

const CHUNK_ENTRIES = 256;

/** One entry; the map owns the key array, so callers must not change it. */
export interface OrderedEntry<V> {
  readonly key: Uint8Array;
  value: V;
}

/**
 * Entries live in sorted chunks of at most 256, so an insertion moves at most one chunk's pointers plus, now and then,
 * the chunk list. Good for up to some millions of entries.
 */
export class OrderedMap<V> {
  #chunks: OrderedEntry<V>[][] = [];
  #size = 0;
  #changes = 0;

  /** Number of entries. */
  get size(): number {
    return this.#size;
  }

  /** Changes whenever a key was added or taken away: a scan that sees it change must look up its place again. */
  get changes(): number {
    return this.#changes;
  }

  get(key: Uint8Array): V | undefined {
    const chunk = this.#chunks[this.#chunkFor(key)];
    if (chunk === undefined) {
      return undefined;
    }
    const entry = chunk[lowerBound(chunk, key)];
    return entry !== undefined && compareBytes(entry.key, key) === 0 ? entry.value : undefined;
  }

  has(key: Uint8Array): boolean {
    const entry = this.atOrAfter(key);
    return entry !== undefined && compareBytes(entry.key, key) === 0;
  }

  /** Adds or replaces. The key is kept, not copied. */
  set(key: Uint8Array, value: V): void {
    const at = this.#chunkFor(key);
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      this.#chunks.push([{ key, value }]);
      this.#added();
      return;
    }
    const index = lowerBound(chunk, key);
    const entry = chunk[index];
    if (entry !== undefined && compareBytes(entry.key, key) === 0) {
      entry.value = value;
      return;
    }
    chunk.splice(index, 0, { key, value });
    this.#added();
    if (chunk.length > CHUNK_ENTRIES) {
      // Ascending insertion is the common case: leave the left half fuller than the right one.
      this.#chunks.splice(at + 1, 0, chunk.splice((CHUNK_ENTRIES >> 2) * 3));
    }
  }

  /** Removes a key; false when it was not there. */
  delete(key: Uint8Array): boolean {
    const at = this.#chunkFor(key);
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      return false;
    }
    const index = lowerBound(chunk, key);
    const entry = chunk[index];
    if (entry === undefined || compareBytes(entry.key, key) !== 0) {
      return false;
    }
    chunk.splice(index, 1);
    if (chunk.length === 0) {
      this.#chunks.splice(at, 1);
    }
    this.#size--;
    this.#changes++;
    return true;
  }

  clear(): void {
    this.#chunks = [];
    this.#size = 0;
    this.#changes++;
  }

  /** The first entry whose key is at or after the given one. */
  atOrAfter(key: Uint8Array): OrderedEntry<V> | undefined {
    const at = this.#chunkFor(key);
    const chunk = this.#chunks[at];
    return chunk === undefined ? undefined : (chunk[lowerBound(chunk, key)] ?? this.#chunks[at + 1]?.[0]);
  }

  /** The last entry whose key is before the given one, or the very last entry when no key is given. */
  before(key?: Uint8Array): OrderedEntry<V> | undefined {
    const at = key === undefined ? this.#chunks.length - 1 : this.#chunkFor(key);
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      return undefined;
    }
    const index = key === undefined ? chunk.length : lowerBound(chunk, key);
    return index > 0 ? chunk[index - 1] : this.#chunks[at - 1]?.at(-1);
  }

  /** All entries in key order. The map must not change while this runs. */
  *entries(): IterableIterator<OrderedEntry<V>> {
    for (const chunk of this.#chunks) {
      yield* chunk;
    }
  }

  #added(): void {
    this.#size++;
    this.#changes++;
  }

  /** The last chunk whose first key is at or before the given one; the first chunk when there is none. */
  #chunkFor(key: Uint8Array): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      const first = (this.#chunks[middle] as OrderedEntry<V>[])[0] as OrderedEntry<V>;
      if (compareBytes(first.key, key) <= 0) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }
}

function lowerBound<V>(chunk: readonly OrderedEntry<V>[], key: Uint8Array): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareBytes((chunk[middle] as OrderedEntry<V>).key, key) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
