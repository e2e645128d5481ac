/** Verifies proofs (mkvs: proofs). A proof is untrusted input: nothing of it is believed before its root hash agrees. */
import { equalBytes } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { EMPTY_HASH } from "#common/hash.js";
import { parseNode } from "../node/format.js";
import { type Child, INTERNAL, InternalNode, LEAF, Stub, subtreeHash } from "../node/node.js";
import type { LogEntry, WriteLog } from "../write-log.js";
import { HASH_ENTRY_BYTES } from "./builder.js";
import { ProofHasher } from "./proof-hasher.js";
import { ENTRY_HASH, ENTRY_NODE, type Proof, PROOF_V0, PROOF_V1 } from "./proof.js";

/** A node whose children are still to come. */
interface Open {
  readonly node: InternalNode;
  /** How many children have come: version 0 has left and right, version 1 the leaf before them. */
  come: number;
}

/**
 * Verifies a proof against a trusted hash.
 *
 * @returns the part of the tree that it proves; what it only names by hash is a stub
 * @throws DecodeError when it is malformed or of another root
 */
export function verifyProof(root: Uint8Array, proof: Proof): Child {
  return new Verifier(proof).verify(root);
}

/**
 * Verifies a proof and lists the entries that it proves, in the order in which it holds them.
 *
 * @throws DecodeError when it is malformed or of another root
 */
export function verifyProofToWriteLog(root: Uint8Array, proof: Proof): WriteLog {
  const leaves: LogEntry[] = [];
  const hasher = new ProofHasher(proof.v, (key, value) => leaves.push([key, value]));
  checkRoot(proof, root);
  hashEntries(hasher, proof.entries);
  if (hasher.root === undefined) {
    throw new DecodeError(proof.entries.length === 0 ? "empty proof" : "cut short", "proof.entries");
  }
  if (!equalBytes(hasher.root, root)) {
    throw new DecodeError("entries do not have the hash of the root", "proof.entries");
  }
  hasher.release();
  return leaves;
}

function checkRoot({ untrustedRoot }: Proof, root: Uint8Array): void {
  if (!equalBytes(untrustedRoot, root)) {
    throw new DecodeError("proof for an unexpected root", "proof.untrusted_root");
  }
}

function hashEntries(hasher: ProofHasher, entries: Proof["entries"]): void {
  let at = 0;
  try {
    for (; at < entries.length; at++) {
      hasher.take(entries[at] as Uint8Array | null);
    }
  } catch (error) {
    throw error instanceof DecodeError ? error.within(`proof.entries[${at}]`) : error;
  }
}

class Verifier {
  readonly #proof: Proof;
  readonly #open: Open[] = [];
  #root: Child;
  #complete = false;

  constructor(proof: Proof) {
    this.#proof = proof;
  }

  verify(root: Uint8Array): Child {
    const { v, entries } = this.#proof;
    if (v !== PROOF_V0 && v !== PROOF_V1) {
      throw new DecodeError(`unsupported proof version ${v}`, "proof.v");
    }
    checkRoot(this.#proof, root);
    entries.forEach((entry, i) => {
      if (this.#complete) {
        throw new DecodeError("unused entry", `proof.entries[${i}]`);
      }
      this.#take(entry, `proof.entries[${i}]`);
    });
    if (!this.#complete) {
      throw new DecodeError(entries.length === 0 ? "empty proof" : "cut short", "proof.entries");
    }
    if (!equalBytes(subtreeHash(this.#root), root)) {
      throw new DecodeError("entries do not have the hash of the root", "proof.entries");
    }
    return this.#root;
  }

  /** Takes the next entry of the pre-order. A loop carries it: depth must not depend on what a peer sends. */
  #take(entry: Uint8Array | null, path: string): void {
    if (entry === null) {
      this.#place(undefined, path);
      return;
    }
    switch (entry[0]) {
      case ENTRY_HASH:
        if (entry.length !== HASH_ENTRY_BYTES) {
          throw new DecodeError(`hash entry of ${entry.length} bytes instead of ${HASH_ENTRY_BYTES}`, path);
        }
        this.#place(equalBytes(entry.subarray(1), EMPTY_HASH) ? undefined : new Stub(entry.slice(1)), path);
        return;
      case ENTRY_NODE:
        this.#takeNode(entry, path);
        return;
      default:
        throw new DecodeError(entry.length === 0 ? "empty entry" : `unknown entry tag ${entry[0]}`, path);
    }
  }

  #takeNode(entry: Uint8Array, path: string): void {
    const parsed = parse(entry, path);
    if (parsed.kind === LEAF) {
      this.#place(parsed.leaf, path);
      return;
    }
    const node = new InternalNode(parsed.label, parsed.labelBits);
    if (this.#proof.v === PROOF_V0) {
      node.leaf = parsed.leaf;
    }
    this.#hang(node, path);
    this.#open.push({ node, come: this.#proof.v === PROOF_V0 ? 1 : 0 });
  }

  /** Hangs a subtree that is complete, and with it every node above that has all its children now. */
  #place(child: Child, path: string): void {
    this.#hang(child, path);
    while (this.#open.at(-1)?.come === 3) {
      this.#open.pop();
    }
    this.#complete = this.#open.length === 0;
  }

  #hang(child: Child, path: string): void {
    const open = this.#open.at(-1);
    if (open === undefined) {
      this.#root = child;
      return;
    }
    if (open.come === 0) {
      if (child !== undefined && child.kind === INTERNAL) {
        throw new DecodeError("an internal node in the place of a leaf", path);
      }
      open.node.leaf = child;
    } else if (open.come === 1) {
      open.node.left = child;
    } else {
      open.node.right = child;
    }
    open.come++;
  }
}

function parse(entry: Uint8Array, path: string): ReturnType<typeof parseNode> {
  try {
    return parseNode(entry.subarray(1));
  } catch (error) {
    throw error instanceof DecodeError ? error.within(path) : error;
  }
}
