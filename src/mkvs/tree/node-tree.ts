/** The tree as nodes: lookup, change, hash. `Tree` wraps it for everybody outside this layer. */
import { equalBytes } from "#common/bytes.js";
import { InvalidInput } from "#common/errors/index.js";
import { MAX_KEY_BYTES } from "../key-value.js";
import { bitAt, bytesOfBits, commonBits, commonKeyBits, joinBits, sliceBits, withBit } from "../node/bits.js";
import {
  type Child,
  type Edit,
  INTERNAL,
  InternalNode,
  LEAF,
  LeafNode,
  type Node,
  type NodeSource,
  STUB,
  type Stub,
  subtreeHash,
  UNSAVED,
} from "../node/node.js";
import type { RecentNodes } from "../node/recent-nodes.js";

/** A place in the database whose node this tree no longer uses. */
export interface Retired {
  readonly version: number;
  readonly index: number;
}

const LEAF_SLOT = 0;
const LEFT_SLOT = 1;
const RIGHT_SLOT = 2;
type Slot = typeof LEAF_SLOT | typeof LEFT_SLOT | typeof RIGHT_SLOT;

/**
 * A changeable tree over shared, unchangeable nodes: a change copies the path to the root once and from then on works in
 * place on the copies, as long as this tree keeps its right to edit them.
 */
export class NodeTree {
  root: Child;
  /** Counts structural changes: an iterator that sees it move looks up its place again. */
  changes = 0;
  #edit: Edit = {};
  #retired: Retired[] = [];
  readonly #source: NodeSource;
  // The path of the operation under way, kept between calls to spare allocations.
  readonly #path: InternalNode[] = [];
  readonly #slots: Slot[] = [];

  constructor(source: NodeSource, root: Child) {
    this.#source = source;
    this.root = root;
  }

  get source(): NodeSource {
    return this.#source;
  }

  /** Database places that the changes so far have made unused. */
  get retired(): readonly Retired[] {
    return this.#retired;
  }

  /** Hash of the whole tree as it stands. */
  hash(): Uint8Array {
    return subtreeHash(this.root);
  }

  /** Gives up the right to change the present nodes and takes over another root with the same content. */
  settle(root: Child): void {
    this.root = root;
    this.#edit = {};
    this.#retired = [];
  }

  /** A second tree with the same content; both copy what they change from now on. */
  fork(): NodeTree {
    const twin = new NodeTree(this.#source, this.root);
    twin.#retired = this.#retired.slice();
    this.#edit = {};
    return twin;
  }

  /** Lets trees that follow this one use what it has changed. */
  share(recent: RecentNodes): void {
    this.hash();
    recent.addChanged(this.root, this.#edit);
    this.#edit = {};
  }

  /** The root node itself, brought in if it is a stub. */
  loadRoot(key: Uint8Array, iterating: boolean): Node | undefined {
    const root = this.root;
    if (root === undefined || root.kind !== STUB) {
      return root;
    }
    const node = this.#source.resolve(root, key, iterating);
    this.root = node;
    return node;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const keyBits = key.length << 3;
    let depth = 0;
    let node = this.loadRoot(key, false);
    while (node !== undefined) {
      if (node.kind === LEAF) {
        return equalBytes(node.key, key) ? node.value : undefined;
      }
      depth += node.labelBits;
      if (keyBits < depth || this.#strays(node, key, keyBits, depth)) {
        return undefined;
      }
      node =
        keyBits === depth
          ? loadLeaf(this.#source, node, key, false)
          : loadChild(this.#source, node, bitAt(key, depth), key, false);
    }
    return undefined;
  }

  /**
   * Whether the next step towards a key leads to a stub that the key does not belong under. A walk looks at single bits
   * only; but whoever has to fetch a node is told the key that leads to it, which in the tree as it was committed leads
   * elsewhere when a label on the way differs.
   */
  #strays(node: InternalNode, key: Uint8Array, keyBits: number, depth: number): boolean {
    const child = keyBits === depth ? node.leaf : bitAt(key, depth) ? node.right : node.left;
    if (child === undefined || child.kind !== STUB) {
      return false;
    }
    let above = 0;
    let passed = this.root as Node;
    while (passed.kind === INTERNAL) {
      if (commonBits(passed.label, passed.labelBits, key, keyBits, above) < passed.labelBits) {
        return true;
      }
      if (passed === node) {
        return false;
      }
      above += passed.labelBits;
      passed = (bitAt(key, above) ? passed.right : passed.left) as Node;
    }
    return false;
  }

  /**
   * Adds or replaces.
   * @returns whether the key was there before
   */
  insert(key: Uint8Array, value: Uint8Array): boolean {
    if (key.length > MAX_KEY_BYTES) {
      throw new InvalidInput("key", `${key.length} bytes, the limit is ${MAX_KEY_BYTES}`);
    }
    const keyBits = key.length << 3;
    this.#startPath();
    let depth = 0;
    let node = this.loadRoot(key, false);
    while (node !== undefined && node.kind !== LEAF) {
      const common = commonBits(node.label, node.labelBits, key, keyBits, depth);
      if (common < node.labelBits) {
        this.#replace(this.#split(node, common, depth, key, value));
        return false;
      }
      depth += node.labelBits;
      node = this.#step(node, key, keyBits, depth);
    }
    if (node === undefined) {
      this.#replace(new LeafNode(key, value, this.#edit));
      return false;
    }
    if (equalBytes(node.key, key)) {
      if (!equalBytes(node.value, value)) {
        this.#retire(node);
        this.#replace(new LeafNode(node.key, value, this.#edit));
      }
      return true;
    }
    this.#replace(this.#forkLeaf(node, depth, key, value));
    return false;
  }

  /**
   * Removes a key.
   * @returns the value that it had
   */
  remove(key: Uint8Array): Uint8Array | undefined {
    const keyBits = key.length << 3;
    this.#startPath();
    let depth = 0;
    let node = this.loadRoot(key, false);
    while (node !== undefined && node.kind !== LEAF) {
      depth += node.labelBits;
      if (keyBits < depth || this.#strays(node, key, keyBits, depth)) {
        return undefined;
      }
      node = this.#step(node, key, keyBits, depth);
    }
    if (node === undefined || !equalBytes(node.key, key)) {
      return undefined;
    }
    this.#removeAtPath(node, key);
    return node.value;
  }

  #startPath(): void {
    this.#path.length = 0;
    this.#slots.length = 0;
  }

  /** Goes down one level towards the key, remembering the way. */
  #step(node: InternalNode, key: Uint8Array, keyBits: number, depth: number): Node | undefined {
    this.#path.push(node);
    if (keyBits === depth) {
      this.#slots.push(LEAF_SLOT);
      return loadLeaf(this.#source, node, key, false);
    }
    const right = bitAt(key, depth);
    this.#slots.push(right ? RIGHT_SLOT : LEFT_SLOT);
    return loadChild(this.#source, node, right, key, false);
  }

  /** A fork within the label of a node: the node keeps the rest of its label below the new one. */
  #split(node: InternalNode, common: number, depth: number, key: Uint8Array, value: Uint8Array): InternalNode {
    const upper = new InternalNode(sliceBits(node.label, 0, common), common, this.#edit);
    const lower = this.#editable(node);
    const right = bitAt(node.label, common);
    lower.label = sliceBits(node.label, common, node.labelBits);
    lower.labelBits = node.labelBits - common;
    if (right) {
      upper.right = lower;
    } else {
      upper.left = lower;
    }
    this.#hang(upper, new LeafNode(key, value, this.#edit), depth + common);
    return upper;
  }

  /** A fork where only a leaf stood. */
  #forkLeaf(old: LeafNode, depth: number, key: Uint8Array, value: Uint8Array): InternalNode {
    const common = commonKeyBits(old.key, key, depth);
    const upper = new InternalNode(sliceBits(key, depth, depth + common), common, this.#edit);
    this.#hang(upper, old, depth + common);
    this.#hang(upper, new LeafNode(key, value, this.#edit), depth + common);
    return upper;
  }

  /** Puts a leaf under a node whose bits end at `depth`. */
  #hang(node: InternalNode, leaf: LeafNode, depth: number): void {
    if (leaf.key.length << 3 === depth) {
      // An embedded leaf is stored inside its node's record, so a record of its own is no longer used.
      this.#retire(leaf);
      node.leaf = this.#unplaced(leaf);
    } else if (bitAt(leaf.key, depth)) {
      node.right = leaf;
    } else {
      node.left = leaf;
    }
  }

  /** The same leaf as an object without a place: a place belongs to one use of a leaf only. */
  #unplaced(leaf: LeafNode): LeafNode {
    if (leaf.edit === this.#edit) {
      return leaf;
    }
    const copy = new LeafNode(leaf.key, leaf.value, this.#edit);
    copy.hash = leaf.hash;
    return copy;
  }

  #removeAtPath(leaf: LeafNode, key: Uint8Array): void {
    const parent = this.#path.at(-1);
    const slot = this.#slots.at(-1);
    if (slot !== LEAF_SLOT) {
      this.#retire(leaf);
    }
    if (parent === undefined) {
      this.#replace(undefined);
      return;
    }
    const depth = this.#path.reduce((bits, { labelBits }) => bits + labelBits, 0);
    const above = key.subarray(0, bytesOfBits(depth));
    const embedded = slot === LEAF_SLOT ? undefined : loadLeaf(this.#source, parent, above, false);
    const left = slot === LEFT_SLOT ? undefined : parent.left;
    const right = slot === RIGHT_SLOT ? undefined : parent.right;
    if (
      embedded !== undefined ? left !== undefined || right !== undefined : left !== undefined && right !== undefined
    ) {
      this.#replace(undefined);
      return;
    }
    this.#path.pop();
    this.#slots.pop();
    this.#retire(parent);
    if (embedded !== undefined) {
      this.#replace(this.#unplaced(embedded));
      return;
    }
    // The key leads to the child that is gone: who has to fetch the other one is told the way to that.
    const other = withBit(sliceBits(key, 0, depth), depth, right !== undefined);
    const only = loadChild(this.#source, parent, right !== undefined, other, false);
    this.#replace(only === undefined || only.kind === LEAF ? only : this.#pullUp(parent, only));
  }

  /** The only child of a vanishing node takes over its label. */
  #pullUp(parent: InternalNode, child: InternalNode): InternalNode {
    const node = this.#editable(child);
    node.label = joinBits(parent.label, parent.labelBits, child.label, child.labelBits);
    node.labelBits = parent.labelBits + child.labelBits;
    return node;
  }

  /** Hangs a subtree at the end of the remembered path and makes the path this tree's own. */
  #replace(subtree: Node | undefined): void {
    this.changes++;
    let child = subtree;
    for (let i = this.#path.length - 1; i >= 0; i--) {
      const old = this.#path[i] as InternalNode;
      // A node that is ours and has no hash has only such nodes above it, so the way up is done already.
      const done = old.edit === this.#edit && old.hash === undefined;
      const node = this.#editable(old);
      setSlot(node, this.#slots[i] as Slot, child);
      if (done) {
        return;
      }
      child = node;
    }
    this.root = child;
  }

  /** The node itself when it is ours, else a copy that is; either way without a hash. */
  #editable(node: InternalNode): InternalNode {
    if (node.edit === this.#edit) {
      node.hash = undefined;
      return node;
    }
    this.#retire(node);
    const copy = new InternalNode(node.label, node.labelBits, this.#edit);
    copy.leaf = node.leaf;
    copy.left = node.left;
    copy.right = node.right;
    return copy;
  }

  #retire(node: Node): void {
    if (node.version !== UNSAVED) {
      this.#retired.push({ version: node.version, index: node.index });
    }
  }
}

function setSlot(node: InternalNode, slot: Slot, child: Node | undefined): void {
  if (slot === LEAF_SLOT) {
    node.leaf = child as LeafNode | undefined;
  } else if (slot === LEFT_SLOT) {
    node.left = child;
  } else {
    node.right = child;
  }
}

/** A child of an internal node, brought in if it is a stub. */
export function loadChild(
  source: NodeSource,
  node: InternalNode,
  right: boolean,
  key: Uint8Array,
  iterating: boolean,
): Node | undefined {
  const child = right ? node.right : node.left;
  if (child === undefined || child.kind !== STUB) {
    return child;
  }
  const loaded = source.resolve(child, key, iterating);
  if (right) {
    node.right = loaded;
  } else {
    node.left = loaded;
  }
  return loaded;
}

/** The embedded leaf of an internal node; a stub only in trees that were put together from proofs. */
export function loadLeaf(
  source: NodeSource,
  node: InternalNode,
  key: Uint8Array,
  iterating: boolean,
): LeafNode | undefined {
  const leaf: LeafNode | Stub | undefined = node.leaf;
  if (leaf === undefined || leaf.kind === LEAF) {
    return leaf;
  }
  const loaded = source.resolve(leaf, key, iterating) as LeafNode;
  node.leaf = loaded;
  return loaded;
}
