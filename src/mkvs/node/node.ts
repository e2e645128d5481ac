/**
 * Nodes of the tree and their hashes. They never leave this layer: what holds them may change (arenas, files) without
 * anybody above noticing.
 *
 * A node belongs to at most one tree that may still change it (`edit`); once that tree has committed or forked, the
 * node is never changed again except for two things that cannot be observed: its hash and its place in a database are
 * filled in, and children are swapped for stubs and back.
 */
import { EMPTY_HASH, HASH_SIZE } from "#common/hash.js";
import { sha512_256 } from "#kernels";
import { bytesOfBits } from "./bits.js";

export const LEAF = 0;
export const INTERNAL = 1;
export const STUB = 2;

/** Version of a node that has no place in a database. */
export const UNSAVED = -1;

/** The right to change nodes: the tree that holds the same object may. */
export type Edit = object;

/** Full key and value. */
export class LeafNode {
  readonly kind = LEAF;
  readonly key: Uint8Array;
  value: Uint8Array;
  hash: Uint8Array | undefined = undefined;
  /** Place in the database: version and number within it. */
  version = UNSAVED;
  index = 0;
  edit: Edit | undefined;

  constructor(key: Uint8Array, value: Uint8Array, edit?: Edit) {
    this.key = key;
    this.value = value;
    this.edit = edit;
  }
}

/** A fork: label, an optional leaf whose key ends here, and the sides for next bit 0 and 1. */
export class InternalNode {
  readonly kind = INTERNAL;
  label: Uint8Array;
  labelBits: number;
  leaf: LeafNode | Stub | undefined = undefined;
  left: Child = undefined;
  right: Child = undefined;
  hash: Uint8Array | undefined = undefined;
  version = UNSAVED;
  index = 0;
  edit: Edit | undefined;

  constructor(label: Uint8Array, labelBits: number, edit?: Edit) {
    this.label = label;
    this.labelBits = labelBits;
    this.edit = edit;
  }
}

/** A node that is somewhere else: in a database, or with a peer (`version` is then UNSAVED). */
export class Stub {
  readonly kind = STUB;
  readonly hash: Uint8Array;
  readonly version: number;
  readonly index: number;

  constructor(hash: Uint8Array, version: number = UNSAVED, index = 0) {
    this.hash = hash;
    this.version = version;
    this.index = index;
  }
}

export type Node = LeafNode | InternalNode;
/** What may hang in a tree: nothing, a node, or the promise of one. */
export type Child = Node | Stub | undefined;

/** Where stubs come from. */
export interface NodeSource {
  /**
   * Brings a node that is not in memory.
   *
   * @param key what the caller is looking for, a hint for sources that fetch from a peer
   * @param iterating whether the caller will go on to the keys that follow
   * @throws Fault when the node cannot be had
   */
  resolve(stub: Stub, key: Uint8Array, iterating: boolean): Node;
  /** Brings all entries under some prefixes, at most `limit`; only where nodes come from a peer. */
  prefetch?(prefixes: readonly Uint8Array[], limit: number): void;
}

const LEAF_PREFIX = 0x00;
const INTERNAL_PREFIX = 0x01;
// Hash inputs are put together here; nothing in it survives a call.
const scratch = new Uint8Array(4096);

/** Hash of a leaf (mkvs: hashes): the key length takes four bytes here, but two in the serialized form. */
export function leafHash(key: Uint8Array, value: Uint8Array): Uint8Array {
  const size = 9 + key.length + value.length;
  const out = size <= scratch.length ? scratch : new Uint8Array(size);
  out[0] = LEAF_PREFIX;
  writeU32le(out, 1, key.length);
  out.set(key, 5);
  writeU32le(out, 5 + key.length, value.length);
  out.set(value, 9 + key.length);
  return sha512_256(out.subarray(0, size));
}

/** Hash of an internal node; a missing child counts as the empty hash. */
export function internalHash(
  label: Uint8Array,
  labelBits: number,
  leaf: Uint8Array,
  left: Uint8Array,
  right: Uint8Array,
): Uint8Array {
  const labelBytes = bytesOfBits(labelBits);
  const size = 3 + labelBytes + 3 * HASH_SIZE;
  const out = size <= scratch.length ? scratch : new Uint8Array(size);
  out[0] = INTERNAL_PREFIX;
  out[1] = labelBits & 255;
  out[2] = labelBits >> 8;
  out.set(label, 3);
  const at = 3 + labelBytes;
  out.set(leaf, at);
  out.set(left, at + HASH_SIZE);
  out.set(right, at + 2 * HASH_SIZE);
  return sha512_256(out.subarray(0, size));
}

function writeU32le(out: Uint8Array, at: number, value: number): void {
  out[at] = value & 255;
  out[at + 1] = (value >>> 8) & 255;
  out[at + 2] = (value >>> 16) & 255;
  out[at + 3] = value >>> 24;
}

/** The hash of a leaf or stub, computed at first use. */
function hashOfLeaf(leaf: LeafNode | Stub): Uint8Array {
  if (leaf.kind === LEAF && leaf.hash === undefined) {
    leaf.hash = leafHash(leaf.key, leaf.value);
  }
  return leaf.hash as Uint8Array;
}

/** The hash of a child whose hash is known already, or the empty hash. */
function knownHash(child: Child): Uint8Array {
  return child === undefined ? EMPTY_HASH : (child.hash as Uint8Array);
}

/**
 * The hash of a subtree. Fills in what is missing on the way; a loop and not a recursion, since keys made for it can
 * make a tree 65,000 levels deep.
 */
export function subtreeHash(root: Child): Uint8Array {
  if (root === undefined) {
    return EMPTY_HASH;
  }
  const open: InternalNode[] = [];
  queue(open, root);
  for (let node = open.at(-1); node !== undefined; node = open.at(-1)) {
    const waiting = open.length;
    queue(open, node.left);
    queue(open, node.right);
    if (open.length === waiting) {
      const leaf = node.leaf === undefined ? EMPTY_HASH : hashOfLeaf(node.leaf);
      node.hash = internalHash(node.label, node.labelBits, leaf, knownHash(node.left), knownHash(node.right));
      open.pop();
    }
  }
  return root.hash as Uint8Array;
}

/** Hashes a leaf at once; an internal node without a hash waits for its children. */
function queue(open: InternalNode[], child: Child): void {
  if (child === undefined || child.hash !== undefined) {
    return;
  }
  if (child.kind === INTERNAL) {
    open.push(child);
  } else {
    hashOfLeaf(child);
  }
}
