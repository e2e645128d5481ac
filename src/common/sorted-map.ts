import { assert } from "./assert.js";
import { binaryText } from "./bytes.js";
import { CborWriter } from "./cbor/writer.js";

/** Gives every key its canonical CBOR encoding, which is also its place in the order. */
export interface KeyCodec<K> {
  encode(key: K): Uint8Array;
}

interface Entry<K, V> {
  readonly key: K;
  value: V;
}

/** Length first, then bytewise: the order of map keys in canonical CBOR. */
function compareIdentifiers(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Where an identifier is in a sorted list that has it. */
function placeOf(order: readonly string[], id: string): number {
  let low = 0;
  let high = order.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareIdentifiers(order[middle] as string, id) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function scratch<K>(write: (w: CborWriter, key: K) => void): KeyCodec<K> {
  const writer = new CborWriter();
  return {
    encode(key: K): Uint8Array {
      writer.reset();
      write(writer, key);
      return writer.finish();
    },
  };
}

const BYTES = scratch<Uint8Array>((w, key) => w.bytes(key));
const TEXT = scratch<string>((w, key) => w.text(key));
const INT = scratch<number | bigint>((w, key) => w.int(BigInt(key)));

/**
 * A map whose iteration order is a property of its keys (canonical CBOR order), never of insertion, so that state
 * machine code may iterate it. Keys are compared by their encoding, so equal byte strings are one key.
 */
export class SortedMap<K, V> {
  /** Made with the first entry: most maps of the state are empty. */
  private index: Map<string, Entry<K, V>> | undefined;
  private order: string[] | undefined;

  constructor(private readonly codec: KeyCodec<K>) {}

  static bytes<V>(): SortedMap<Uint8Array, V> {
    return new SortedMap<Uint8Array, V>(BYTES);
  }

  static text<V>(): SortedMap<string, V> {
    return new SortedMap<string, V>(TEXT);
  }

  static int<K extends number | bigint, V>(): SortedMap<K, V> {
    return new SortedMap<K, V>(INT as KeyCodec<K>);
  }

  get size(): number {
    return this.index === undefined ? 0 : this.index.size;
  }

  get(key: K): V | undefined {
    return this.index?.get(binaryText(this.codec.encode(key)))?.value;
  }

  has(key: K): boolean {
    return this.index?.has(binaryText(this.codec.encode(key))) ?? false;
  }

  set(key: K, value: V): this {
    assert(!Object.isFrozen(this), "The map is shared and cannot be changed.");
    const id = binaryText(this.codec.encode(key));
    if (this.index === undefined) {
      this.index = new Map([[id, { key, value }]]);
      this.order = [id];
      return this;
    }
    const entry = this.index.get(id);
    if (entry !== undefined) {
      entry.value = value;
      return this;
    }
    const order = this.order;
    const last = order?.[order.length - 1];
    if (order !== undefined && (last === undefined || compareIdentifiers(last, id) < 0)) order.push(id);
    else this.order = undefined;
    this.index.set(id, { key, value });
    return this;
  }

  delete(key: K): boolean {
    assert(!Object.isFrozen(this), "The map is shared and cannot be changed.");
    if (this.index === undefined) return false;
    const id = binaryText(this.codec.encode(key));
    if (!this.index.delete(id)) return false;
    if (this.order !== undefined) this.order.splice(placeOf(this.order, id), 1);
    return true;
  }

  /** Makes every later change a failure; the values are not touched. */
  freeze(): this {
    if (this.index !== undefined) this.sorted(this.index);
    return Object.freeze(this);
  }

  private sorted(index: Map<string, Entry<K, V>>): string[] {
    this.order ??= Array.from(index.keys()).sort(compareIdentifiers);
    return this.order;
  }

  *entries(): IterableIterator<[K, V]> {
    const index = this.index;
    if (index === undefined) return;
    for (const id of this.sorted(index).slice()) {
      const entry = index.get(id);
      if (entry !== undefined) yield [entry.key, entry.value];
    }
  }

  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.entries();
  }

  *keys(): IterableIterator<K> {
    for (const [key] of this.entries()) yield key;
  }

  *values(): IterableIterator<V> {
    for (const [, value] of this.entries()) yield value;
  }

  /** The entry with the smallest key. */
  first(): [K, V] | undefined {
    if (this.index === undefined) return undefined;
    const id = this.sorted(this.index)[0];
    const entry = id === undefined ? undefined : this.index.get(id);
    return entry === undefined ? undefined : [entry.key, entry.value];
  }

  /** A copy of the map; the values are shared. */
  clone(): SortedMap<K, V> {
    const copy = new SortedMap<K, V>(this.codec);
    if (this.index === undefined) return copy;
    // Entry by entry, as later changes of one map must not show in the other; the keys need not be encoded again.
    const index = new Map<string, Entry<K, V>>();
    for (const [id, { key, value }] of this.index) index.set(id, { key, value });
    copy.index = index;
    copy.order = this.order?.slice();
    return copy;
  }
}
