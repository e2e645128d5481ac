/** Walks a tree in key order without building proofs; the walk that builds them is in `proof/walk`. */
import { assert } from "#common/assert.js";
import { compareBytes } from "#common/bytes.js";
import type { KeyValueIterator } from "../key-value.js";
import { bitAt, commonBits } from "../node/bits.js";
import { type InternalNode, LEAF, type LeafNode, type Node } from "../node/node.js";
import { loadChild, loadLeaf, type NodeTree } from "./node-tree.js";

/** The key right after the given one in bytewise order. */
export function successor(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

export class TreeIterator implements KeyValueIterator {
  readonly #tree: NodeTree;
  #leaf: LeafNode | undefined;
  #seen = -1;
  // Nodes whose remaining children lie ahead, deepest last: `false` = left and right, `true` = right only.
  readonly #open: InternalNode[] = [];
  readonly #rightOnly: boolean[] = [];

  constructor(tree: NodeTree) {
    this.#tree = tree;
  }

  get valid(): boolean {
    return this.#leaf !== undefined;
  }

  get key(): Uint8Array {
    assert(this.#leaf !== undefined, "an iterator that is past the end has no key");
    return this.#leaf.key;
  }

  get value(): Uint8Array {
    assert(this.#leaf !== undefined, "an iterator that is past the end has no value");
    return this.#leaf.value;
  }

  next(): void {
    const leaf = this.#leaf;
    if (leaf === undefined) {
      return;
    }
    if (this.#seen !== this.#tree.changes) {
      this.seek(successor(leaf.key));
    } else {
      this.#advance(leaf.key);
    }
  }

  seek(key: Uint8Array): void {
    const { source } = this.#tree;
    this.#seen = this.#tree.changes;
    this.#open.length = 0;
    this.#rightOnly.length = 0;
    const keyBits = key.length << 3;
    let depth = 0;
    let node = this.#tree.loadRoot(key, true);
    for (;;) {
      if (node === undefined || (node.kind === LEAF && compareBytes(node.key, key) < 0)) {
        this.#advance(key);
        return;
      }
      if (node.kind === LEAF) {
        this.#leaf = node;
        return;
      }
      const common = commonBits(node.label, node.labelBits, key, keyBits, depth);
      const branch = depth + common;
      depth += node.labelBits;
      if (keyBits <= branch) {
        // The key ends at or above this node: everything below is at or after it.
        this.#first(node, key);
        return;
      }
      if (common < node.labelBits) {
        if (bitAt(key, branch)) {
          this.#advance(key);
        } else {
          this.#first(node, key);
        }
        return;
      }
      const right = bitAt(key, depth);
      if (!right) {
        this.#push(node, true);
      }
      node = loadChild(source, node, right, key, true);
    }
  }

  /** Moves to the smallest key of a subtree. */
  #first(subtree: Node, key: Uint8Array): void {
    const { source } = this.#tree;
    let node: Node | undefined = subtree;
    while (node !== undefined) {
      if (node.kind === LEAF) {
        this.#leaf = node;
        return;
      }
      const leaf = loadLeaf(source, node, key, true);
      if (leaf !== undefined) {
        this.#push(node, false);
        this.#leaf = leaf;
        return;
      }
      const left = loadChild(source, node, false, key, true);
      if (left !== undefined) {
        this.#push(node, true);
      }
      node = left ?? loadChild(source, node, true, key, true);
    }
    this.#advance(key);
  }

  /** Moves to the smallest key of what lies ahead. */
  #advance(key: Uint8Array): void {
    const { source } = this.#tree;
    for (let node = this.#open.pop(); node !== undefined; node = this.#open.pop()) {
      if (this.#rightOnly.pop() === false) {
        const left = loadChild(source, node, false, key, true);
        if (left !== undefined) {
          this.#push(node, true);
          this.#first(left, key);
          return;
        }
      }
      const right = loadChild(source, node, true, key, true);
      if (right !== undefined) {
        this.#first(right, key);
        return;
      }
    }
    this.#leaf = undefined;
  }

  #push(node: InternalNode, rightOnly: boolean): void {
    this.#open.push(node);
    this.#rightOnly.push(rightOnly);
  }
}
