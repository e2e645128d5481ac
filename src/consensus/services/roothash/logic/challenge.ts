/**
 * Where a challenge leads in a tree and what answers it (root hash: storage challenges; an extension).
 *
 * The key of a challenge is random, while keys of a runtime begin with a few fixed bytes: a lookup of the key would end
 * near the root, and a node that kept only the top of each tree could always prove that the key is not there. So labels
 * are not compared. At each fork the bit of the key at that depth decides, and where that side is empty the other one:
 * the way ends at a leaf, and which one it is nobody knows before. A lookup in a tree of forks does the same and looks
 * at the leaf's key in the end, so the way to the leaf proves as well whether the key is in the tree.
 */
import { concatBytes } from "#common/bytes.js";
import { CodedError, DecodeError } from "#common/errors/index.js";
import { hash } from "#common/hash.js";
import { bitAt } from "#mkvs/node/bits.js";
import { type Child, LEAF, type Node, STUB } from "#mkvs/node/node.js";
import type { Proof } from "#mkvs/proof/proof.js";
import { verifyProof } from "#mkvs/proof/verify.js";

/** Keys have 256 bits; below that depth they begin again. */
const KEY_BIT_MASK = 255;

/** What the way through a tree needs of it. */
export interface Forks<H> {
  /** Reads what a handle stands for; undefined when it is not here. */
  load(handle: H): H | undefined;
  isLeaf(node: H): boolean;
  labelBits(node: H): number;
  left(node: H): H | undefined;
  right(node: H): H | undefined;
}

/**
 * The leaf that a key leads to.
 * @param root handle of the root; undefined for an empty tree
 * @param key 32 bytes
 * @returns undefined where the tree is empty, or the way leads out of the part of it that is here
 */
export function challengedLeaf<H>(forks: Forks<H>, root: H | undefined, key: Uint8Array): H | undefined {
  let depth = 0;
  for (let handle = root; handle !== undefined; ) {
    const node = forks.load(handle);
    if (node === undefined || forks.isLeaf(node)) return node;
    depth += forks.labelBits(node);
    const [left, right] = [forks.left(node), forks.right(node)];
    handle = bitAt(key, depth & KEY_BIT_MASK) ? (right ?? left) : (left ?? right);
  }
  return undefined;
}

const PROVEN: Forks<NonNullable<Child>> = {
  load: (child) => (child.kind === STUB ? undefined : child),
  isLeaf: (node) => node.kind === LEAF,
  labelBits: (node) => forkOf(node)?.labelBits ?? 0,
  left: (node) => forkOf(node)?.left,
  right: (node) => forkOf(node)?.right,
};

function forkOf(node: NonNullable<Child>): Exclude<Node, { kind: typeof LEAF }> | undefined {
  return node.kind === LEAF || node.kind === STUB ? undefined : node;
}

/**
 * The key of a challenge, 32 bytes.
 * @param entropy of the block after the challenge, 32 bytes
 * @param challenge identifier, 32 bytes
 */
export function challengeKey(entropy: Uint8Array, challenge: Uint8Array): Uint8Array {
  return hash(concatBytes(entropy, challenge));
}

/** What is wrong with an answer, or undefined. @param root of the tree, 32 bytes */
export function answerProblem(root: Uint8Array, key: Uint8Array, proof: Proof): string | undefined {
  try {
    const leaf = challengedLeaf(PROVEN, verifyProof(root, proof), key);
    return leaf === undefined ? "does not reach the leaf" : undefined;
  } catch (error) {
    if (error instanceof DecodeError || error instanceof CodedError) return error.message;
    throw error;
  }
}
