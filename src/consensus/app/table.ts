import { binaryText, compareBytes, equalBytes, readU64be, u64be } from "#common/bytes.js";
import { assert } from "#common/assert.js";
import { Fault } from "#common/errors/index.js";
import { deepFreeze } from "#common/freeze.js";
import { hash } from "#common/hash.js";
import { RecentMap } from "#common/recent-map.js";
import type { Schema } from "#common/schema/index.js";
import type { KeyValueReader, KeyValueStore } from "#mkvs/key-value.js";

/** One element of a state key, of fixed size (common: key format). */
export interface KeyPart<T> {
  readonly size: number;
  encode(value: T): Uint8Array;
  decode(bytes: Uint8Array): T;
}

/** Bytes of fixed size, stored as they are. */
export function bytesPart(size: number): KeyPart<Uint8Array> {
  return {
    size,
    encode(value) {
      assert(value.length === size, `state key part has ${value.length} bytes, must have ${size}`);
      return value;
    },
    decode: (bytes) => bytes,
  };
}

/** Hashes of identifiers, which are looked up again and again. */
const hashes = new RecentMap<Uint8Array>(4096);

function rememberedHash(value: Uint8Array): Uint8Array {
  const id = binaryText(value);
  const known = hashes.get(id);
  if (known !== undefined) return known;
  const made = hash(value);
  hashes.set(id, made);
  return made;
}

/** The hash of a value takes its place; a key read back holds the hash. */
export const hashedPart: KeyPart<Uint8Array> = { size: 32, encode: rememberedHash, decode: (bytes) => bytes };

/** A hash that is already one. */
export const hashPart: KeyPart<Uint8Array> = bytesPart(32);
export const addressPart: KeyPart<Uint8Array> = bytesPart(21);
export const u8Part: KeyPart<number> = {
  size: 1,
  encode: (value) => Uint8Array.of(value),
  decode: (bytes) => bytes[0] as number,
};
export const u64Part: KeyPart<bigint> = { size: 8, encode: u64be, decode: (bytes) => readU64be(bytes) };
/** Two's complement: negative numbers sort last. */
export const i64Part: KeyPart<bigint> = {
  size: 8,
  encode: (value) => u64be(BigInt.asUintN(64, value)),
  decode: (bytes) => BigInt.asIntN(64, readU64be(bytes)),
};

/** How values of a table are stored. */
export interface ValueCodec<V> {
  encode(value: V): Uint8Array;
  decode(bytes: Uint8Array): V;
}

const RAW: ValueCodec<Uint8Array> = { encode: (value) => value, decode: (bytes) => bytes };
const EMPTY = new Uint8Array(0);
const PRESENT: ValueCodec<true> = { encode: () => EMPTY, decode: () => true };

function stored<V>(what: string, schema: Schema<V>): ValueCodec<V> {
  return {
    encode: (value) => schema.encode(value),
    decode(bytes) {
      try {
        // State holds fields of extensions only where the chain took them.
        return schema.decode(bytes, "extended");
      } catch (cause) {
        throw new Fault(`corrupted state: ${what}`, { cause });
      }
    },
  };
}

/** Decoded values that a table remembers, by key; the bytes tell whether a value is still the one. */
const REMEMBERED_VALUES = 4096;

/** How a value is handed to several readers. */
interface Sharing<V> {
  /** What is remembered of a value that its owner goes on using. */
  keep(value: V): V;
  /** What a reader gets of a remembered value. */
  lend(value: V): V;
}

/**
 * Remembers what the bytes under a key decode to. That is a pure function's answer, so it cannot differ between states or
 * nodes.
 */
class ValueMemory<V> {
  private readonly values = new RecentMap<{ readonly bytes: Uint8Array; readonly value: V }>(REMEMBERED_VALUES);

  constructor(
    private readonly codec: ValueCodec<V>,
    private readonly sharing: Sharing<V>,
  ) {}

  decode(key: Uint8Array, bytes: Uint8Array): V {
    const id = binaryText(key);
    const known = this.values.get(id);
    if (known !== undefined && equalBytes(known.bytes, bytes)) return this.sharing.lend(known.value);
    const value = this.sharing.keep(this.codec.decode(bytes));
    this.values.set(id, { bytes: bytes.slice(), value });
    return this.sharing.lend(value);
  }

  /** Takes note of a value that is stored under a key. */
  wrote(key: Uint8Array, bytes: Uint8Array, value: V): void {
    this.values.set(binaryText(key), { bytes: bytes.slice(), value: this.sharing.keep(value) });
  }
}

/** All readers get the same value, which nobody can change. */
function frozen<V>(): Sharing<V> {
  return { keep: deepFreeze, lend: (value) => value };
}

/** A single value of the state under one prefix byte. */
export interface Cell<V> {
  readonly prefix: number;
  get(state: KeyValueReader): V | undefined;
  /** The value, or a Fault when it is missing. */
  load(state: KeyValueReader): V;
  set(state: KeyValueStore, value: V): void;
  remove(state: KeyValueStore): void;
}

function makeCell<V>(
  prefix: number,
  codec: ValueCodec<V>,
  decode: (bytes: Uint8Array) => V = (bytes) => codec.decode(bytes),
): Cell<V> {
  const key = Uint8Array.of(prefix);
  const get = (state: KeyValueReader): V | undefined => {
    const value = state.get(key);
    return value === undefined ? undefined : decode(value);
  };
  return {
    prefix,
    get,
    load(state) {
      const value = get(state);
      if (value === undefined) throw new Fault(`state has no value under prefix ${prefix.toString(16)}`);
      return value;
    },
    set: (state, value) => state.insert(key, codec.encode(value)),
    remove: (state) => state.remove(key),
  };
}

/** A cell whose value is CBOR. */
export function cell<V>(prefix: number, schema: Schema<V>): Cell<V> {
  return makeCell(prefix, stored(schema.typeName, schema));
}

/**
 * A cell that is read much more often than it changes. All readers share one decoded value, which is frozen: a change
 * is made on a copy and stored with `set`.
 */
export function sharedCell<V>(prefix: number, schema: Schema<V>): Cell<V> {
  const codec = stored(schema.typeName, schema);
  const key = Uint8Array.of(prefix);
  const values = new ValueMemory(codec, frozen());
  return makeCell(prefix, codec, (bytes) => values.decode(key, bytes));
}

/** A cell whose value is raw bytes. */
export function rawCell(prefix: number): Cell<Uint8Array> {
  return makeCell(prefix, RAW);
}

type KeyValues<P extends readonly KeyPart<unknown>[]> = {
  -readonly [I in keyof P]: P[I] extends KeyPart<infer T> ? T : never;
};
type Leading<K extends readonly unknown[]> = K extends readonly [...infer H, unknown] ? K | Leading<H> : K;

/** A family of values under one prefix byte and a composite key. */
export interface Table<K extends readonly unknown[], V> {
  readonly prefix: number;
  key(...key: K): Uint8Array;
  get(state: KeyValueReader, ...key: K): V | undefined;
  has(state: KeyValueReader, ...key: K): boolean;
  set(state: KeyValueStore, key: K, value: V): void;
  remove(state: KeyValueStore, ...key: K): void;
  /**
   * Entries in key order, those below leading key elements if some are given. The entries are collected before the
   * first is handed out, so the state may be changed meanwhile.
   */
  entries(state: KeyValueReader, ...leading: Leading<K>): [key: K, value: V][];
  /** Entries from a key (inclusive) on, as long as `while` holds. */
  scan(state: KeyValueReader, from: Uint8Array, goOn: (key: K, value: V) => boolean): void;
}

class StateTable<K extends readonly unknown[], V> implements Table<K, V> {
  private readonly size: number;
  constructor(
    readonly prefix: number,
    private readonly parts: readonly KeyPart<unknown>[],
    private readonly codec: ValueCodec<V>,
    private readonly memory?: ValueMemory<V>,
    /** Whether values are remembered when they are written, too; else only when they are read. */
    private readonly remembersWrites = false,
  ) {
    this.size = parts.reduce((sum, part) => sum + part.size, 1);
  }

  key(...key: readonly unknown[]): Uint8Array {
    const elements = key.map((value, i) => (this.parts[i] as KeyPart<unknown>).encode(value));
    const out = new Uint8Array(elements.reduce((size, element) => size + element.length, 1));
    out[0] = this.prefix;
    let at = 1;
    for (const element of elements) {
      out.set(element, at);
      at += element.length;
    }
    return out;
  }

  get(state: KeyValueReader, ...key: K): V | undefined {
    const stateKey = this.key(...key);
    const value = state.get(stateKey);
    return value === undefined ? undefined : this.decodeValue(stateKey, value);
  }

  private decodeValue(key: Uint8Array, bytes: Uint8Array): V {
    return this.memory === undefined ? this.codec.decode(bytes) : this.memory.decode(key, bytes);
  }

  has(state: KeyValueReader, ...key: K): boolean {
    return state.get(this.key(...key)) !== undefined;
  }

  set(state: KeyValueStore, key: K, value: V): void {
    const stateKey = this.key(...key);
    const bytes = this.codec.encode(value);
    state.insert(stateKey, bytes);
    if (this.remembersWrites) this.memory?.wrote(stateKey, bytes, value);
  }

  remove(state: KeyValueStore, ...key: K): void {
    state.remove(this.key(...key));
  }

  private decodeKey(key: Uint8Array): K {
    if (key.length !== this.size)
      throw new Fault(`corrupted state: key of ${key.length} bytes under prefix ${this.prefix}`);
    let at = 1;
    return this.parts.map((part) => {
      at += part.size;
      return part.decode(key.slice(at - part.size, at));
    }) as unknown as K;
  }

  entries(state: KeyValueReader, ...leading: Leading<K>): [key: K, value: V][] {
    const prefix = this.key(...leading);
    const out: [K, V][] = [];
    const it = state.iterator();
    for (it.seek(prefix); it.valid; it.next()) {
      if (compareBytes(it.key.subarray(0, prefix.length), prefix) !== 0) break;
      out.push([this.decodeKey(it.key), this.decodeValue(it.key, it.value)]);
    }
    return out;
  }

  scan(state: KeyValueReader, from: Uint8Array, goOn: (key: K, value: V) => boolean): void {
    const it = state.iterator();
    for (it.seek(from); it.valid && it.key[0] === this.prefix; it.next()) {
      if (!goOn(this.decodeKey(it.key), this.decodeValue(it.key, it.value))) return;
    }
  }
}

/** A table of CBOR values: `table(0x53, [addressPart, addressPart], Delegation)`. */
export function table<const P extends readonly KeyPart<unknown>[], V>(
  prefix: number,
  parts: P,
  value: Schema<V>,
): Table<KeyValues<P>, V> {
  return new StateTable(prefix, parts, stored(value.typeName, value));
}

/** A table whose values are read much more often than they change: all readers share one frozen value for a key. */
export function sharedTable<const P extends readonly KeyPart<unknown>[], V>(
  prefix: number,
  parts: P,
  value: Schema<V>,
): Table<KeyValues<P>, V> {
  const codec = stored(value.typeName, value);
  return new StateTable(prefix, parts, codec, new ValueMemory(codec, frozen()));
}

/**
 * A table whose values are read and changed all the time and cost more to decode than to copy.
 * @param copy a value that can be changed without changing the original; everything that it shares with the original
 *   must be frozen by it
 */
export function copiedTable<const P extends readonly KeyPart<unknown>[], V>(
  prefix: number,
  parts: P,
  value: Schema<V>,
  copy: (value: V) => V,
): Table<KeyValues<P>, V> {
  const codec = stored(value.typeName, value);
  return new StateTable(prefix, parts, codec, new ValueMemory(codec, { keep: copy, lend: copy }), true);
}

/** A table of raw bytes. */
export function rawTable<const P extends readonly KeyPart<unknown>[]>(
  prefix: number,
  parts: P,
): Table<KeyValues<P>, Uint8Array> {
  return new StateTable(prefix, parts, RAW);
}

/** A set: keys with empty values. */
export function keySet<const P extends readonly KeyPart<unknown>[]>(
  prefix: number,
  parts: P,
): Table<KeyValues<P>, true> {
  return new StateTable(prefix, parts, PRESENT);
}
