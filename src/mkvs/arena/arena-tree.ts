/** Reading trees whose nodes are rows of an arena and whose leaves lie in pages on a disk. */
import { equalBytes } from "#common/bytes.js";
import { internalBytes, leafBytes } from "../node/format.js";
import { bitAt } from "../node/bits.js";
import { type Child, InternalNode, LeafNode, type Node, Stub, UNSAVED } from "../node/node.js";
import { PROOF_V0 } from "../proof/proof.js";
import type { NodeReader } from "../tree/node-reader.js";
import { Arena, type Refs } from "./arena.js";
import type { LeafPages, StoredLeaf } from "./leaf-pages.js";

/** Where a leaf lies that has no place on the disk yet: its content is in memory. */
const NO_PAGE = 0;

export class ArenaTrees {
  readonly arena = new Arena();
  readonly pages: LeafPages;
  /** Content of leaves that are not in a page yet, by row. */
  readonly pending = new Map<number, StoredLeaf>();

  constructor(pages: LeafPages) {
    this.pages = pages;
  }

  /** Key and value of a leaf. */
  content(ref: number): StoredLeaf {
    const row = -ref;
    const page = this.arena.leafPages[row] as number;
    return page === NO_PAGE
      ? (this.pending.get(row) as StoredLeaf)
      : this.pages.read(page, this.arena.leafOffsets[row] as number);
  }

  readonly keyOf = (ref: number): Uint8Array => this.content(ref).key;

  /** Keeps the content of a new leaf in memory until it is stored. */
  hold(ref: number, content: StoredLeaf): void {
    this.pending.set(-ref, content);
  }

  place(ref: number, page: number, offset: number): void {
    this.arena.leafPages[-ref] = page;
    this.arena.leafOffsets[-ref] = offset;
  }

  /** Gives rows back, and with them what is held of their leaves. */
  free(refs: Refs): void {
    if (this.pending.size > 0) {
      for (let i = 0; i < refs.count; i++) {
        this.pending.delete(-(refs.list[i] as number));
      }
    }
    this.arena.free(refs);
  }

  /** The leaf of a key, or 0. Labels need no comparison: the leaf's key decides. */
  find(root: number, key: Uint8Array): number {
    const { labelBits, leafs, lefts, rights } = this.arena;
    const keyBits = key.length << 3;
    let ref = root;
    let depth = 0;
    while (ref > 0) {
      depth += labelBits[ref] as number;
      if (keyBits <= depth) {
        ref = keyBits === depth ? (leafs[ref] as number) : 0;
      } else {
        ref = (bitAt(key, depth) ? rights[ref] : lefts[ref]) as number;
      }
    }
    return ref;
  }

  get(root: number, key: Uint8Array): Uint8Array | undefined {
    const ref = this.find(root, key);
    if (ref === 0) {
      return undefined;
    }
    const content = this.content(ref);
    return equalBytes(content.key, key) ? content.value : undefined;
  }

  /** A node as an object, its children as stubs that `node` takes again. */
  node(ref: number): Node {
    const { arena } = this;
    if (ref < 0) {
      const { key, value } = this.content(ref);
      return placed(new LeafNode(key, value), arena.hash(ref), ref);
    }
    const node = new InternalNode(arena.label(ref), arena.labelBits[ref] as number);
    const leaf = arena.leafs[ref] as number;
    node.leaf = leaf === 0 ? undefined : (this.node(leaf) as LeafNode);
    node.left = this.stub(arena.lefts[ref] as number);
    node.right = this.stub(arena.rights[ref] as number);
    return placed(node, arena.hash(ref), ref);
  }

  stub(ref: number): Child {
    return ref === 0 ? undefined : new Stub(this.arena.hash(ref), UNSAVED, ref);
  }

  /** All leaves of a tree, in key order. */
  *leaves(root: number): Iterable<number> {
    const open = [root];
    for (let ref = open.pop(); ref !== undefined; ref = open.pop()) {
      if (ref < 0) {
        yield ref;
      } else if (ref > 0) {
        open.push(this.arena.rights[ref] as number, this.arena.lefts[ref] as number, this.arena.leafs[ref] as number);
      }
    }
  }

  reader(root: number): NodeReader<number> {
    return new ArenaReader(this, root);
  }
}

/** Objects made of rows keep the reference as their number, so that they can be followed further. */
function placed<N extends Node>(node: N, hash: Uint8Array, ref: number): N {
  node.hash = hash;
  node.index = ref;
  return node;
}

class ArenaReader implements NodeReader<number> {
  readonly #trees: ArenaTrees;
  readonly #root: number;
  #scratch = new Uint8Array(4096);

  constructor(trees: ArenaTrees, root: number) {
    this.#trees = trees;
    this.#root = root;
  }

  root(): number | undefined {
    return orNothing(this.#root);
  }

  load(handle: number): number {
    return handle;
  }

  hash(handle: number): Uint8Array {
    return this.#trees.arena.hash(handle);
  }

  isLeaf(handle: number): boolean {
    return handle < 0;
  }

  key(handle: number): Uint8Array {
    return this.#trees.content(handle).key;
  }

  labelBits(handle: number): number {
    return this.#trees.arena.labelBits[handle] as number;
  }

  leaf(handle: number): number | undefined {
    return orNothing(this.#trees.arena.leafs[handle] as number);
  }

  left(handle: number): number | undefined {
    return orNothing(this.#trees.arena.lefts[handle] as number);
  }

  right(handle: number): number | undefined {
    return orNothing(this.#trees.arena.rights[handle] as number);
  }

  compact(handle: number, version: number): Uint8Array {
    const { arena } = this.#trees;
    if (handle < 0) {
      const { key, value } = this.#trees.content(handle);
      return leafBytes(key, value);
    }
    const label = arena.label(handle);
    const leaf = arena.leafs[handle] as number;
    if (leaf !== 0 && version === PROOF_V0) {
      const { key, value } = this.#trees.content(leaf);
      return internalBytes(label, arena.labelBits[handle] as number, new LeafNode(key, value));
    }
    if (label.length > 4000) {
      return internalBytes(label, arena.labelBits[handle] as number, undefined);
    }
    const out = this.#scratch;
    const bits = arena.labelBits[handle] as number;
    out[0] = 1;
    out[1] = bits & 255;
    out[2] = bits >> 8;
    for (let i = 0; i < label.length; i++) {
      out[3 + i] = label[i] as number;
    }
    out[3 + label.length] = 2;
    return out.subarray(0, 4 + label.length);
  }
}

function orNothing(ref: number): number | undefined {
  return ref === 0 ? undefined : ref;
}
