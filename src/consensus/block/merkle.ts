import { sha256 } from "#kernels";
import { assert } from "#common/assert.js";
import { concatBytes, equalBytes } from "#common/bytes.js";

/** Proof that one leaf lies in a merkle tree; the wire form of transaction proofs has the same four fields. */
export interface MerkleProof {
  /** Number of leaves in the tree. */
  readonly total: bigint;
  /** Position of the proven leaf, from 0. */
  readonly index: bigint;
  readonly leafHash: Uint8Array;
  /** Hashes of the siblings, from the leaf's own to the child of the root. */
  readonly aunts: readonly Uint8Array[];
}

/** A tree of 2^100 leaves has this many siblings on each path; longer proofs are refused. */
export const MAX_AUNTS = 100;

const LEAF_PREFIX = Uint8Array.of(0);
const INNER_PREFIX = Uint8Array.of(1);

/** Root of the RFC 6962 tree over SHA-256 that CometBFT uses everywhere; no leaves give SHA-256 of nothing. */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha256(new Uint8Array(0));
  return subtreeRoot(leaves.map(leafHash), 0, leaves.length);
}

/** The root and one proof per leaf, in leaf order. */
export function merkleProofs(leaves: readonly Uint8Array[]): { root: Uint8Array; proofs: MerkleProof[] } {
  const hashes = leaves.map(leafHash);
  const aunts: Uint8Array[][] = hashes.map(() => []);
  const root = leaves.length === 0 ? merkleRoot(leaves) : collectAunts(hashes, 0, hashes.length, aunts);
  const proofs = hashes.map((hash, index) => ({
    total: BigInt(hashes.length),
    index: BigInt(index),
    leafHash: hash,
    aunts: aunts[index] ?? [],
  }));
  return { root, proofs };
}

/** Whether `proof` shows that `leaf` (not its hash) is in the tree with this root at `proof.index`. */
export function verifyMerkleProof(proof: MerkleProof, root: Uint8Array, leaf: Uint8Array): boolean {
  if (proof.total < 0n || proof.index < 0n || proof.aunts.length > MAX_AUNTS) return false;
  if (!equalBytes(proof.leafHash, leafHash(leaf))) return false;
  const computed = rootFromAunts(proof.index, proof.total, proof.leafHash, proof.aunts);
  return computed !== undefined && equalBytes(computed, root);
}

function leafHash(leaf: Uint8Array): Uint8Array {
  return sha256(concatBytes(LEAF_PREFIX, leaf));
}

function innerHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(concatBytes(INNER_PREFIX, left, right));
}

function subtreeRoot(hashes: readonly Uint8Array[], start: number, end: number): Uint8Array {
  if (end - start === 1) return at(hashes, start);
  const split = start + splitPoint(end - start);
  return innerHash(subtreeRoot(hashes, start, split), subtreeRoot(hashes, split, end));
}

function collectAunts(
  hashes: readonly Uint8Array[],
  start: number,
  end: number,
  aunts: readonly Uint8Array[][],
): Uint8Array {
  if (end - start === 1) return at(hashes, start);
  const split = start + splitPoint(end - start);
  const left = collectAunts(hashes, start, split, aunts);
  const right = collectAunts(hashes, split, end, aunts);
  for (let i = start; i < split; i++) aunts[i]?.push(right);
  for (let i = split; i < end; i++) aunts[i]?.push(left);
  return innerHash(left, right);
}

function rootFromAunts(
  index: bigint,
  total: bigint,
  leaf: Uint8Array,
  aunts: readonly Uint8Array[],
): Uint8Array | undefined {
  if (index >= total) return undefined;
  if (total === 1n) return aunts.length === 0 ? leaf : undefined;
  const aunt = aunts.at(-1);
  if (aunt === undefined) return undefined;
  let split = 1n;
  while (split * 2n < total) split *= 2n;
  const rest = aunts.slice(0, -1);
  if (index < split) {
    const left = rootFromAunts(index, split, leaf, rest);
    return left === undefined ? undefined : innerHash(left, aunt);
  }
  const right = rootFromAunts(index - split, total - split, leaf, rest);
  return right === undefined ? undefined : innerHash(aunt, right);
}

/** The largest power of two that is smaller than `count` (at least 2). */
function splitPoint(count: number): number {
  let split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}

function at(hashes: readonly Uint8Array[], index: number): Uint8Array {
  const hash = hashes[index];
  assert(hash !== undefined, "merkle leaf index out of range");
  return hash;
}
