/** Builds proofs out of the nodes that a request has visited (mkvs: proofs). */
import { equalBytes, toHex } from "#common/bytes.js";
import { unknown } from "#common/errors/index.js";
import { EMPTY_HASH, HASH_SIZE } from "#common/hash.js";
import { internalBytes, leafBytes } from "../node/format.js";
import { LEAF, type LeafNode, type Node } from "../node/node.js";
import { ENTRY_HASH, ENTRY_NODE, Proof, PROOF_V0, PROOF_V1 } from "./proof.js";

interface Included {
  /** The entry: tag and compact form. */
  readonly entry: Uint8Array;
  /** Hashes of what follows it in pre-order. */
  readonly children: readonly Uint8Array[];
}

/** @throws CodedError for a version of proofs that does not exist */
export function checkProofVersion(version: number): void {
  if (version !== PROOF_V0 && version !== PROOF_V1) {
    throw unknown(`mkvs: unsupported proof version: ${version}`);
  }
}

export class ProofBuilder {
  readonly version: number;
  readonly #root: Uint8Array;
  readonly #subtree: Uint8Array;
  readonly #included = new Map<string, Included>();
  #size = 0;

  /**
   * @param root hash of the whole tree
   * @param subtree hash at which the proof may begin, if the request visits it
   * @throws CodedError for a version that does not exist
   */
  constructor(version: number, root: Uint8Array, subtree: Uint8Array) {
    checkProofVersion(version);
    this.version = version;
    this.#root = root;
    this.#subtree = subtree;
  }

  /** Length of all entries so far; a leaf that travels inside its node and was also visited counts twice. */
  get size(): number {
    return this.#size;
  }

  /** Adds a node; its hash and its children's must be known. */
  include(node: Node): void {
    const id = toHex(node.hash as Uint8Array);
    if (this.#included.has(id)) {
      return;
    }
    const included = this.#serialize(node);
    this.#included.set(id, included);
    this.#size += included.entry.length;
  }

  /** The proof: from the subtree if it was visited, else from the root. */
  build(): Proof {
    const untrustedRoot = this.#included.has(toHex(this.#subtree)) ? this.#subtree : this.#root;
    const entries: (Uint8Array | null)[] = [];
    const open: Uint8Array[] = [untrustedRoot];
    for (let hash = open.pop(); hash !== undefined; hash = open.pop()) {
      const included = this.#included.get(toHex(hash));
      if (equalBytes(hash, EMPTY_HASH)) {
        entries.push(null);
      } else if (included === undefined) {
        entries.push(tagged(ENTRY_HASH, hash));
      } else {
        entries.push(included.entry);
        for (let i = included.children.length - 1; i >= 0; i--) {
          open.push(included.children[i] as Uint8Array);
        }
      }
    }
    return { v: this.version, entries, untrustedRoot };
  }

  #serialize(node: Node): Included {
    if (node.kind === LEAF) {
      return { entry: tagged(ENTRY_NODE, leafBytes(node.key, node.value)), children: [] };
    }
    const sides = [node.left?.hash ?? EMPTY_HASH, node.right?.hash ?? EMPTY_HASH];
    const inline = this.version === PROOF_V0 ? (node.leaf as LeafNode | undefined) : undefined;
    const entry = tagged(ENTRY_NODE, internalBytes(node.label, node.labelBits, inline));
    return { entry, children: this.version === PROOF_V0 ? sides : [node.leaf?.hash ?? EMPTY_HASH, ...sides] };
  }
}

/** An entry: its tag and what it holds, copied. */
export function tagged(tag: number, bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(1 + bytes.length);
  out[0] = tag;
  out.set(bytes, 1);
  return out;
}

/** Length of an entry that holds a hash. */
export const HASH_ENTRY_BYTES = 1 + HASH_SIZE;
