/** Keys of the consensus state: a prefix byte and big-endian or fixed-size elements (common: key format helper). */
import { assert } from "./assert.js";
import { concatBytes, readU16be, readU32be, readU64be, u16be, u32be, u64be } from "./bytes.js";
import { HASH_SIZE, hash } from "./hash.js";

/** One element of a key. */
export interface KeyElement<T> {
  /** Bytes it takes; undefined for the one element of variable size. */
  readonly size: number | undefined;
  write(value: T): Uint8Array;
  read(bytes: Uint8Array): T;
}

type Values<E extends readonly KeyElement<unknown>[]> = {
  -readonly [I in keyof E]: E[I] extends KeyElement<infer T> ? T : never;
};
type Prefixes<V extends readonly unknown[]> = V extends readonly [...infer Front, unknown] ? V | Prefixes<Front> : V;

export const keyU8: KeyElement<number> = {
  size: 1,
  write: (value) => Uint8Array.of(value),
  read: (b) => b[0] as number,
};
export const keyU16: KeyElement<number> = { size: 2, write: u16be, read: (b) => readU16be(b) };
export const keyU32: KeyElement<number> = { size: 4, write: u32be, read: (b) => readU32be(b) };
export const keyU64: KeyElement<bigint> = { size: 8, write: u64be, read: (b) => readU64be(b) };
/** Two's complement, so negative values sort after all others, as in the reference. */
export const keyI64: KeyElement<bigint> = { size: 8, write: u64be, read: (b) => BigInt.asIntN(64, readU64be(b)) };

/** A fixed number of bytes as they are: addresses, public keys, namespaces, hashes. */
export function keyBytes(size: number): KeyElement<Uint8Array> {
  return {
    size,
    write(value) {
      assert(value.length === size, `An element of a state key has ${size} bytes, not ${value.length}.`);
      return value;
    },
    read: (b) => b.slice(),
  };
}

/** Whatever is left of the key; at most one element of a key may be of this kind. */
export const keyRest: KeyElement<Uint8Array> = { size: undefined, write: (value) => value, read: (b) => b.slice() };

/** A value of any size, stored as its hash. It reads as the hash, so the value cannot come back. */
export const keyHashed: KeyElement<Uint8Array> = {
  size: HASH_SIZE,
  write: (value) => hash(value),
  read: (b) => b.slice(),
};

/** The shape of one family of keys. */
export class KeyFormat<E extends readonly KeyElement<unknown>[]> {
  readonly prefix: number;
  readonly #elements: readonly KeyElement<unknown>[];
  readonly #fixedSize: number;

  /**
   * @param prefix 0..255
   * @param elements in order; at most one of variable size
   */
  constructor(prefix: number, ...elements: E) {
    this.prefix = prefix;
    this.#elements = elements as readonly KeyElement<unknown>[];
    this.#fixedSize = this.#elements.reduce((sum, { size }) => sum + (size ?? 0), 1);
    const variable = this.#elements.filter(({ size }) => size === undefined).length;
    assert(variable <= 1, "A state key has at most one element of variable size.");
  }

  /** The key of the values. Fewer values than elements give the prefix of a range of keys. */
  encode(...values: Prefixes<Values<E>>): Uint8Array {
    const given: readonly unknown[] = values;
    assert(given.length <= this.#elements.length, "A state key has no place for that many values.");
    return concatBytes(
      Uint8Array.of(this.prefix),
      ...given.map((value, i) => (this.#elements[i] as KeyElement<unknown>).write(value)),
    );
  }

  /**
   * The values of a whole key; undefined when the key has another prefix.
   *
   * @throws AssertionFailure when the key has the prefix but not the size: the state is then not what it must be
   */
  decode(key: Uint8Array): Values<E> | undefined {
    if (key[0] !== this.prefix) {
      return undefined;
    }
    const rest = key.length - this.#fixedSize;
    const variable = this.#elements.some(({ size }) => size === undefined);
    assert(variable ? rest >= 0 : rest === 0, `A state key with prefix ${this.prefix} has ${key.length} bytes.`);
    let offset = 1;
    const values = this.#elements.map((element) => {
      const size = element.size ?? rest;
      const value = element.read(key.subarray(offset, offset + size));
      offset += size;
      return value;
    });
    return values as Values<E>;
  }
}
