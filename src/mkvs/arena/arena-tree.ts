/** Reading trees whose nodes are rows of an arena and whose leaves lie in pages on a disk. */
import { equalBytes } from "#common/bytes.js";
import { internalBytes, leafBytes } from "../node/format.js";
import { bitAt } from "../node/bits.js";
import { type Child, InternalNode, LeafNode, type Node, Stub, UNSAVED } from "../node/node.js";
import { HASH_ENTRY_BYTES, tagged } from "../proof/builder.js";
import { ENTRY_HASH, ENTRY_NODE, PROOF_V0 } from "../proof/proof.js";
import type { NodeReader } from "../tree/node-reader.js";
import { Arena, BITS_AT, LEAF_AT, LEFT_AT, RIGHT_AT, ROW_WORDS } from "./arena.js";
import { Refs } from "./refs.js";
import type { LeafPages, StoredLeaf } from "./leaf-pages.js";
import { LeafWindow } from "./leaf-window.js";

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
    const page = this.arena.leafPage(ref);
    return page === NO_PAGE
      ? (this.pending.get(-ref) as StoredLeaf)
      : this.pages.read(page, this.arena.leafOffset(ref));
  }

  /** A leaf in its serialized form, good until the next call. */
  record(ref: number): Uint8Array {
    const page = this.arena.leafPage(ref);
    if (page !== NO_PAGE) {
      return this.pages.lendRecord(page, this.arena.leafOffset(ref));
    }
    const { key, value } = this.content(ref);
    return leafBytes(key, value);
  }

  /** The key of a leaf, good until the next call. */
  readonly lendKey = (ref: number): Uint8Array => {
    const page = this.arena.leafPage(ref);
    return page === NO_PAGE
      ? (this.pending.get(-ref) as StoredLeaf).key
      : this.pages.lendKey(page, this.arena.leafOffset(ref));
  };

  readonly keyOf = (ref: number): Uint8Array => this.content(ref).key;

  /** Keeps the content of a new leaf in memory until it is stored. */
  hold(ref: number, content: StoredLeaf): void {
    this.pending.set(-ref, content);
  }

  place(ref: number, page: number, offset: number): void {
    this.arena.placeLeaf(ref, page, offset);
  }

  /** All rows of a tree. */
  rows(root: number): Refs {
    const rows = new Refs();
    const { arena } = this;
    const open = [root];
    for (let ref = open.pop(); ref !== undefined; ref = open.pop()) {
      if (ref !== 0) {
        rows.push(ref);
      }
      if (ref > 0) {
        open.push(arena.right(ref), arena.left(ref), arena.leaf(ref));
      }
    }
    return rows;
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
    const { nodes } = this.arena;
    const keyBits = key.length << 3;
    let ref = root;
    let depth = 0;
    while (ref > 0) {
      const at = ref * ROW_WORDS;
      depth += nodes[at + BITS_AT] as number;
      if (keyBits <= depth) {
        ref = keyBits === depth ? (nodes[at + LEAF_AT] as number) : 0;
      } else {
        ref = nodes[at + (bitAt(key, depth) ? RIGHT_AT : LEFT_AT)] as number;
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
    const node = new InternalNode(arena.label(ref), arena.labelBits(ref));
    const leaf = arena.leaf(ref);
    node.leaf = leaf === 0 ? undefined : (this.node(leaf) as LeafNode);
    node.left = this.stub(arena.left(ref));
    node.right = this.stub(arena.right(ref));
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
        open.push(this.arena.right(ref), this.arena.left(ref), this.arena.leaf(ref));
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
  /** Present when all leaves are asked for. */
  #window: LeafWindow | undefined;

  constructor(trees: ArenaTrees, root: number) {
    this.#trees = trees;
    this.#root = root;
  }

  root(): number | undefined {
    return orNothing(this.#root);
  }

  readAhead(): void {
    this.#window = new LeafWindow(this.#trees, this.#root);
  }

  load(handle: number): number {
    return handle;
  }

  hash(handle: number): Uint8Array {
    return this.#trees.arena.hash(handle);
  }

  hasHash(handle: number, hash: Uint8Array): boolean {
    return this.#trees.arena.hasHash(handle, hash);
  }

  hashEntry(handle: number): Uint8Array {
    const entry = new Uint8Array(HASH_ENTRY_BYTES);
    entry[0] = ENTRY_HASH;
    this.#trees.arena.putHash(handle, entry, 1);
    return entry;
  }

  isLeaf(handle: number): boolean {
    return handle < 0;
  }

  key(handle: number): Uint8Array {
    return this.#trees.content(handle).key;
  }

  labelBits(handle: number): number {
    return this.#trees.arena.labelBits(handle);
  }

  leaf(handle: number): number | undefined {
    return orNothing(this.#trees.arena.leaf(handle));
  }

  left(handle: number): number | undefined {
    return orNothing(this.#trees.arena.left(handle));
  }

  right(handle: number): number | undefined {
    return orNothing(this.#trees.arena.right(handle));
  }

  nodeEntry(handle: number, version: number): Uint8Array {
    if (handle > 0 && (version !== PROOF_V0 || this.#trees.arena.leaf(handle) === 0)) {
      const bits = this.#trees.arena.labelBits(handle);
      if (bits > 0 && bits <= 8) {
        return shortEntry(bits, this.#trees.arena.labelByte(handle));
      }
    }
    return tagged(ENTRY_NODE, this.compact(handle, version));
  }

  compact(handle: number, version: number): Uint8Array {
    const { arena } = this.#trees;
    if (handle < 0) {
      return this.#window === undefined ? this.#trees.record(handle) : this.#window.record(handle);
    }
    const bits = arena.labelBits(handle);
    const leaf = version === PROOF_V0 ? arena.leaf(handle) : 0;
    if (leaf !== 0) {
      const { key, value } = this.#trees.content(leaf);
      return internalBytes(arena.label(handle), bits, new LeafNode(key, value));
    }
    if (bits > 0 && bits <= 8) {
      return shortCompact(bits, arena.labelByte(handle));
    }
    return internalBytes(arena.label(handle), bits, undefined);
  }
}

/** Compact forms of internal nodes with labels of at most eight bits, and the same as entries of proofs. */
const shortCompacts: Uint8Array[] = [];
const shortEntries: Uint8Array[] = [];

/** Most nodes of a large tree have one of a few short labels: their compact forms are made once. */
function shortCompact(bits: number, byte: number): Uint8Array {
  const at = (bits << 8) | byte;
  const made = shortCompacts[at];
  if (made !== undefined) {
    return made;
  }
  const compact = internalBytes(Uint8Array.of(byte), bits, undefined);
  shortCompacts[at] = compact;
  return compact;
}

function shortEntry(bits: number, byte: number): Uint8Array {
  const at = (bits << 8) | byte;
  const made = shortEntries[at];
  if (made !== undefined) {
    return made;
  }
  const entry = tagged(ENTRY_NODE, shortCompact(bits, byte));
  shortEntries[at] = entry;
  return entry;
}

function orNothing(ref: number): number | undefined {
  return ref === 0 ? undefined : ref;
}
