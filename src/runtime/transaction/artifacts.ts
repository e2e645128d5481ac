/** Keys and values of the I/O tree (runtime layer: blocks, batches, roots). */
import { concatBytes } from "#common/bytes.js";
import { hash, HASH_SIZE } from "#common/hash.js";
import { bytes, tuple, u32 } from "#common/schema/index.js";
import { MAX_KEY_BYTES } from "#mkvs/key-value.js";

const TRANSACTION = 0x54;
const TAG = 0x45;
const TRANSACTION_KEY_BYTES = 1 + HASH_SIZE + 1;
const TAG_OVERHEAD_BYTES = 1 + HASH_SIZE;
/** Longest transaction or output that the tree can hold, in bytes. */
const MAX_ARTIFACT_BYTES = 32 * 1024 * 1024;

/** Longest tag key in bytes: the tree's own limit minus prefix and transaction hash. */
export const MAX_TAG_KEY_BYTES = MAX_KEY_BYTES - TAG_OVERHEAD_BYTES;

/** What a transaction left in the tree. */
export const ARTIFACT = { input: 1, output: 2 } as const;

/** In place of a transaction hash: tags that belong to the block. */
export const BLOCK_TAG_HASH: Uint8Array = new Uint8Array(HASH_SIZE);

/** Value of an input: the transaction and its place in the batch. */
export const InputArtifact = tuple("InputArtifact", [bytes({ max: MAX_ARTIFACT_BYTES }), u32]);
/** Value of an output. */
export const OutputArtifact = tuple("OutputArtifact", [bytes({ max: MAX_ARTIFACT_BYTES })]);

/** Key before all transactions, or the part of their keys that a transaction's artifacts share. */
export function transactionPrefix(txHash: Uint8Array = new Uint8Array(0)): Uint8Array {
  return concatBytes(Uint8Array.of(TRANSACTION), txHash);
}

/** Key of one artifact. */
export function transactionKey(txHash: Uint8Array, artifact: number): Uint8Array {
  return concatBytes(Uint8Array.of(TRANSACTION), txHash, Uint8Array.of(artifact));
}

/** Key before all tags, or before the tags that begin so. */
export function tagPrefix(key: Uint8Array = new Uint8Array(0)): Uint8Array {
  return concatBytes(Uint8Array.of(TAG), key);
}

/** Key of a tag that a transaction emitted. */
export function tagKey(key: Uint8Array, txHash: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(TAG), key, txHash);
}

/** A key taken apart. */
export type IoKey =
  | { readonly kind: "transaction"; readonly txHash: Uint8Array; readonly artifact: number }
  | { readonly kind: "tag"; readonly key: Uint8Array; readonly txHash: Uint8Array };

/** Takes a key apart; undefined when it has no known form. */
export function parseIoKey(key: Uint8Array): IoKey | undefined {
  if (key[0] === TRANSACTION && key.length === TRANSACTION_KEY_BYTES) {
    const artifact = key[TRANSACTION_KEY_BYTES - 1] as number;
    if (artifact !== ARTIFACT.input && artifact !== ARTIFACT.output) return undefined;
    return { kind: "transaction", txHash: key.slice(1, 1 + HASH_SIZE), artifact };
  }
  if (key[0] === TAG && key.length >= TAG_OVERHEAD_BYTES) {
    const at = key.length - HASH_SIZE;
    return { kind: "tag", key: key.slice(1, at), txHash: key.slice(at) };
  }
  return undefined;
}

/** The name of a transaction: the hash of its raw bytes. */
export function runtimeTransactionHash(transaction: Uint8Array): Uint8Array {
  return hash(transaction);
}
