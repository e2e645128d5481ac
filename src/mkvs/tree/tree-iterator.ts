/** Walks a tree in key order without building proofs; the walk that builds them is in `proof/walk`. */
import { assert } from "#common/assert.js";
import { compareBytes } from "#common/bytes.js";
import type { KeyValueIterator } from "../key-value.js";
import { bitAt, bytesOfBits, commonBits, putBits, sliceBits } from "../node/bits.js";
import { type InternalNode, LEAF, type LeafNode, type Node, STUB } from "../node/node.js";
import { loadChild, loadLeaf, type NodeTree } from "./node-tree.js";

/** The key right after the given one in bytewise order. */
export function successor(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

const ZERO = Uint8Array.of(0);
const ONE = Uint8Array.of(0x80);

export class TreeIterator implements KeyValueIterator {
  readonly #tree: NodeTree;
  #leaf: LeafNode | undefined;
  #seen = -1;
  // Nodes whose remaining children lie ahead, deepest last: `false` = left and right, `true` = right only.
  readonly #open: InternalNode[] = [];
  readonly #rightOnly: boolean[] = [];
  /** Bits above the children of each of them. */
  readonly #depths: number[] = [];
  /** Bits of the way to where the walk is: who has to fetch a node is told where in the tree it hangs. */
  #path = new Uint8Array(64);

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
      this.#advance();
    }
  }

  seek(key: Uint8Array): void {
    this.#seen = this.#tree.changes;
    this.#open.length = 0;
    this.#rightOnly.length = 0;
    this.#depths.length = 0;
    this.#room(key.length << 3);
    this.#path.set(key);
    const keyBits = key.length << 3;
    let depth = 0;
    let node = this.#tree.loadRoot(key, true);
    for (;;) {
      if (node === undefined || (node.kind === LEAF && compareBytes(node.key, key) < 0)) {
        this.#advance();
        return;
      }
      if (node.kind === LEAF) {
        this.#leaf = node;
        return;
      }
      const common = commonBits(node.label, node.labelBits, key, keyBits, depth);
      const branch = depth + common;
      if (keyBits <= branch) {
        // The key ends at or above this node: everything below is at or after it.
        this.#first(node, depth);
        return;
      }
      if (common < node.labelBits) {
        if (bitAt(key, branch)) {
          this.#advance();
        } else {
          this.#first(node, depth);
        }
        return;
      }
      depth += node.labelBits;
      const right = bitAt(key, depth);
      if (!right) {
        this.#push(node, true, depth);
      }
      node = loadChild(this.#tree.source, node, right, key, true);
    }
  }

  /** Moves to the smallest key of a subtree whose label begins at a depth. */
  #first(subtree: Node, from: number): void {
    const { source } = this.#tree;
    let node: Node | undefined = subtree;
    let depth = from;
    while (node !== undefined) {
      if (node.kind === LEAF) {
        this.#leaf = node;
        return;
      }
      this.#room(depth + node.labelBits);
      putBits(this.#path, depth, node.label, node.labelBits);
      depth += node.labelBits;
      const leaf = loadLeaf(source, node, this.#path, true);
      if (leaf !== undefined) {
        this.#push(node, false, depth);
        this.#leaf = leaf;
        return;
      }
      const left = this.#load(node, false, depth);
      if (left !== undefined) {
        this.#push(node, true, depth);
      }
      node = left ?? this.#load(node, true, depth);
    }
    this.#advance();
  }

  /** Moves to the smallest key of what lies ahead. */
  #advance(): void {
    for (let node = this.#open.pop(); node !== undefined; node = this.#open.pop()) {
      const depth = this.#depths.pop() as number;
      if (this.#rightOnly.pop() === false) {
        const left = this.#load(node, false, depth);
        if (left !== undefined) {
          this.#push(node, true, depth);
          this.#first(left, depth);
          return;
        }
      }
      const right = this.#load(node, true, depth);
      if (right !== undefined) {
        this.#first(right, depth);
        return;
      }
    }
    this.#leaf = undefined;
  }

  /** A child; one that must be fetched is asked for by the bits that lead to it. */
  #load(node: InternalNode, right: boolean, depth: number): Node | undefined {
    const child = right ? node.right : node.left;
    if (child === undefined || child.kind !== STUB) {
      return child;
    }
    this.#room(depth + 1);
    putBits(this.#path, depth, right ? ONE : ZERO, 1);
    const key = sliceBits(this.#path, 0, depth + 1).slice();
    return loadChild(this.#tree.source, node, right, key, true);
  }

  #push(node: InternalNode, rightOnly: boolean, depth: number): void {
    this.#open.push(node);
    this.#rightOnly.push(rightOnly);
    this.#depths.push(depth);
  }

  #room(bits: number): void {
    if (bytesOfBits(bits) > this.#path.length) {
      const larger = new Uint8Array(2 * bytesOfBits(bits));
      larger.set(this.#path);
      this.#path = larger;
    }
  }
}
