/** What code above the tree sees of it: keys and values, never nodes. */

/** Reading by key and in key order. */
export interface KeyValueReader {
  /** The value of a key, or undefined when the key is absent. An empty value is a value. Do not change the array. */
  get(key: Uint8Array): Uint8Array | undefined;
  /** A new iterator, positioned nowhere until its first `seek`. */
  iterator(): KeyValueIterator;
}

/**
 * Walks keys in bytewise order (a prefix before its extensions). It follows changes made to its source while it is in
 * use: `next` goes to the first key after the current one that exists at that moment.
 */
export interface KeyValueIterator {
  /** Moves to the given key or, when it is absent, to the next larger one. */
  seek(key: Uint8Array): void;
  /** Whether the iterator stands on an entry. */
  readonly valid: boolean;
  /** Key under the iterator, which must be valid. Do not change the array. */
  readonly key: Uint8Array;
  /** Value under the iterator, which must be valid. Do not change the array. */
  readonly value: Uint8Array;
  /** Moves to the next larger key. */
  next(): void;
}

/** Reading and writing. Arrays that are passed in must not be changed afterwards: they are kept, not copied. */
export interface KeyValueStore extends KeyValueReader {
  /**
   * Adds a key or replaces its value.
   * @throws InvalidInput when the key is longer than 8191 bytes
   */
  insert(key: Uint8Array, value: Uint8Array): void;
  /** Removes a key, present or not. */
  remove(key: Uint8Array): void;
  /** Removes a key and returns the value that it had. */
  removeExisting(key: Uint8Array): Uint8Array | undefined;
}

/** Longest key of a tree in bytes: depths are 16-bit numbers of bits (mkvs: tree model). */
export const MAX_KEY_BYTES = 8191;
