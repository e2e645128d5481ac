/** Overlays: changes that are held back over a store until they are committed or discarded (mkvs: overlay). */
import { assert } from "#common/assert.js";
import { compareBytes } from "#common/bytes.js";
import { OrderedMap } from "#common/ordered-map.js";
import type { KeyValueIterator, KeyValueStore } from "../key-value.js";
import { successor } from "./tree-iterator.js";

/** A changed key: its new value, or null when it was removed. */
export type Changes = OrderedMap<Uint8Array | null>;

/** Holds changes over an inner store, which may be an overlay itself. */
export class Overlay implements KeyValueStore {
  readonly #inner: KeyValueStore;
  #changes: Changes = new OrderedMap();

  constructor(inner: KeyValueStore) {
    this.#inner = inner;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const change = this.#changes.get(key);
    return change === undefined ? this.#inner.get(key) : (change ?? undefined);
  }

  insert(key: Uint8Array, value: Uint8Array): void {
    this.#changes.set(key, value);
  }

  remove(key: Uint8Array): void {
    this.#changes.set(key, null);
  }

  removeExisting(key: Uint8Array): Uint8Array | undefined {
    const old = this.get(key);
    // A key that is absent and was never touched stays untouched, so that it does not appear in a write log.
    if (old !== undefined) {
      this.#changes.set(key, null);
    }
    return old;
  }

  iterator(): KeyValueIterator {
    return new OverlayIterator(this.#inner.iterator(), () => this.#changes);
  }

  /** Writes the changes to the inner store, insertions first, and starts anew. */
  commit(): void {
    const changes = this.#changes;
    this.#changes = new OrderedMap();
    for (const { key, value } of changes.entries()) {
      if (value !== null) {
        this.#inner.insert(key, value);
      }
    }
    for (const { key, value } of changes.entries()) {
      if (value === null) {
        this.#inner.remove(key);
      }
    }
  }

  /** Drops the changes and starts anew. */
  discard(): void {
    this.#changes = new OrderedMap();
  }

  /** An independent overlay with the same changes, over the same inner store or another one. */
  copy(inner: KeyValueStore = this.#inner): Overlay {
    const twin = new Overlay(inner);
    for (const { key, value } of this.#changes.entries()) {
      twin.#changes.set(key, value);
    }
    return twin;
  }
}

/** Merges the keys of the inner store with the changes, which hide inner keys that they touch. */
export class OverlayIterator implements KeyValueIterator {
  readonly #inner: KeyValueIterator;
  readonly #current: () => Changes;
  #changes: Changes;
  #key: Uint8Array | undefined;
  #value: Uint8Array | undefined;

  constructor(inner: KeyValueIterator, current: () => Changes) {
    this.#inner = inner;
    this.#current = current;
    this.#changes = current();
  }

  get valid(): boolean {
    return this.#key !== undefined;
  }

  get key(): Uint8Array {
    assert(this.#key !== undefined, "an iterator that is past the end has no key");
    return this.#key;
  }

  get value(): Uint8Array {
    assert(this.#value !== undefined, "an iterator that is past the end has no value");
    return this.#value;
  }

  seek(key: Uint8Array): void {
    this.#changes = this.#current();
    this.#inner.seek(key);
    this.#settle(key);
  }

  next(): void {
    const key = this.#key;
    if (key === undefined) {
      return;
    }
    const from = successor(key);
    if (this.#changes !== this.#current()) {
      // Committed or discarded under way: the inner store may hold other keys now.
      this.seek(from);
      return;
    }
    if (this.#inner.valid && compareBytes(this.#inner.key, key) <= 0) {
      this.#inner.next();
    }
    this.#settle(from);
  }

  /** Stands on the smaller of the next inner key that is not hidden and the next inserted key. */
  #settle(from: Uint8Array): void {
    const changes = this.#changes;
    if (changes.size > 0) {
      while (this.#inner.valid && changes.has(this.#inner.key)) {
        this.#inner.next();
      }
    }
    let inserted = changes.atOrAfter(from);
    while (inserted !== undefined && inserted.value === null) {
      inserted = changes.atOrAfter(successor(inserted.key));
    }
    if (inserted !== undefined && (!this.#inner.valid || compareBytes(inserted.key, this.#inner.key) < 0)) {
      this.#key = inserted.key;
      this.#value = inserted.value ?? undefined;
    } else {
      this.#key = this.#inner.valid ? this.#inner.key : undefined;
      this.#value = this.#inner.valid ? this.#inner.value : undefined;
    }
  }
}
