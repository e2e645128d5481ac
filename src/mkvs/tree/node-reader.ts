/** How proofs and checkpoints look at a tree, whatever it is kept in. */
import { equalBytes } from "#common/bytes.js";
import { EMPTY_HASH } from "#common/hash.js";
import { internalBytes, leafBytes } from "../node/format.js";
import { LEAF, type LeafNode, type Node, STUB, type Stub } from "../node/node.js";
import { tagged } from "../proof/builder.js";
import { ENTRY_HASH, ENTRY_NODE, PROOF_V0 } from "../proof/proof.js";
import type { NodeTree } from "./node-tree.js";

/**
 * Reads nodes by handles of type `H`. A handle that was just given by `root`, `leaf`, `left` or `right` only knows its
 * hash; the others need one that went through `load`.
 */
export interface NodeReader<H> {
  root(): H | undefined;
  /** Told when all leaves will be asked for in key order, for readers to which that makes a difference. */
  readAhead?(): void;
  load(handle: H): H;
  /** Hash of the subtree, 32 bytes. */
  hash(handle: H): Uint8Array;
  hasHash(handle: H, hash: Uint8Array): boolean;
  /** The hash as the entry of a proof. */
  hashEntry(handle: H): Uint8Array;
  /** The node as the entry of a proof of a version. Entries that are often needed are shared: never change one. */
  nodeEntry(handle: H, version: number): Uint8Array;
  isLeaf(handle: H): boolean;
  /** Key of a leaf. */
  key(handle: H): Uint8Array;
  /** Bits of an internal node's label. */
  labelBits(handle: H): number;
  leaf(handle: H): H | undefined;
  left(handle: H): H | undefined;
  right(handle: H): H | undefined;
  /** The compact form of a node in a proof of a version. The array may be used again by the next call. */
  compact(handle: H, version: number): Uint8Array;
}

/** Reads a tree of node objects. Its hashes must be known. */
export class NodeTreeReader implements NodeReader<Node | Stub> {
  readonly #tree: NodeTree;
  readonly #iterating: boolean;
  /** What is being looked for: a hint for sources that fetch. */
  readonly #key: Uint8Array;

  constructor(tree: NodeTree, key: Uint8Array, iterating: boolean) {
    this.#tree = tree;
    this.#key = key;
    this.#iterating = iterating;
  }

  root(): Node | Stub | undefined {
    return this.#tree.loadRoot(this.#key, this.#iterating);
  }

  load(handle: Node | Stub): Node {
    return handle.kind === STUB ? this.#tree.source.resolve(handle, this.#key, this.#iterating) : handle;
  }

  hash(handle: Node | Stub): Uint8Array {
    return handle.hash ?? EMPTY_HASH;
  }

  hasHash(handle: Node | Stub, hash: Uint8Array): boolean {
    return equalBytes(this.hash(handle), hash);
  }

  hashEntry(handle: Node | Stub): Uint8Array {
    return tagged(ENTRY_HASH, this.hash(handle));
  }

  nodeEntry(handle: Node | Stub, version: number): Uint8Array {
    return tagged(ENTRY_NODE, this.compact(handle, version));
  }

  isLeaf(handle: Node | Stub): boolean {
    return handle.kind === LEAF;
  }

  key(handle: Node | Stub): Uint8Array {
    return (handle as LeafNode).key;
  }

  labelBits(handle: Node | Stub): number {
    return handle.kind === LEAF || handle.kind === STUB ? 0 : handle.labelBits;
  }

  leaf(handle: Node | Stub): Node | Stub | undefined {
    return handle.kind === LEAF || handle.kind === STUB ? undefined : handle.leaf;
  }

  left(handle: Node | Stub): Node | Stub | undefined {
    return handle.kind === LEAF || handle.kind === STUB ? undefined : handle.left;
  }

  right(handle: Node | Stub): Node | Stub | undefined {
    return handle.kind === LEAF || handle.kind === STUB ? undefined : handle.right;
  }

  compact(handle: Node | Stub, version: number): Uint8Array {
    const node = handle as Node;
    if (node.kind === LEAF) {
      return leafBytes(node.key, node.value);
    }
    const inline = version === PROOF_V0 && node.leaf !== undefined ? (this.load(node.leaf) as LeafNode) : undefined;
    return internalBytes(node.label, node.labelBits, inline);
  }
}
