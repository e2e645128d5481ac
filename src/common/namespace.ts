/** Identifiers of runtimes: eight bytes of flags, 24 bytes of identifier (common: addresses and identifiers). */
import { assert } from "./assert.js";
import { concatBytes, readU64be, u64be } from "./bytes.js";
import { DecodeError } from "./errors/index.js";
import { hash } from "./hash.js";
import { fixedBytes, type Schema } from "./schema/index.js";

export const NAMESPACE_SIZE = 32;
const FLAGS_SIZE = 8;
const ID_SIZE = 24;

/** Flag of identifiers that only test networks accept. */
export const NAMESPACE_TEST = 1n << 63n;
/** Flag of key manager runtimes. */
export const NAMESPACE_KEY_MANAGER = 1n << 62n;
const RESERVED = (1n << 62n) - 1n;

/** 32 bytes, hexadecimal text in JSON. Decoding refuses unknown flags. */
export type Namespace = Uint8Array;
export const Namespace: Schema<Uint8Array> = fixedBytes("Namespace", NAMESPACE_SIZE, {
  json: "hex",
  refine(value) {
    // The two known flags are the highest bits of the first byte.
    let reserved = (value[0] as number) & 0x3f;
    for (let i = 1; i < FLAGS_SIZE; i++) reserved |= value[i] as number;
    if (reserved !== 0) throw new DecodeError("namespace with reserved flags");
  },
});

/** The first eight bytes as a number. */
export function namespaceFlags(namespace: Uint8Array): bigint {
  return readU64be(namespace, 0);
}

export function isTestNamespace(namespace: Uint8Array): boolean {
  return (namespaceFlags(namespace) & NAMESPACE_TEST) !== 0n;
}

export function isKeyManagerNamespace(namespace: Uint8Array): boolean {
  return (namespaceFlags(namespace) & NAMESPACE_KEY_MANAGER) !== 0n;
}

/**
 * Puts a namespace together.
 *
 * @param id 24 bytes
 * @param flags NAMESPACE_TEST, NAMESPACE_KEY_MANAGER, both or 0
 */
export function makeNamespace(id: Uint8Array, flags = 0n): Uint8Array {
  assert(id.length === ID_SIZE, "A namespace identifier has 24 bytes.");
  assert((flags & RESERVED) === 0n, "Only the two known namespace flags may be set.");
  return concatBytes(u64be(flags), id);
}

/** The test namespace derived from a seed: the test flag, the given flags and the first 24 bytes of the seed's hash. */
export function testNamespaceFromSeed(seed: Uint8Array, flags = 0n): Uint8Array {
  return makeNamespace(hash(seed).slice(0, ID_SIZE), flags | NAMESPACE_TEST);
}
