/** Which nodes of a database on disk stay in memory. */
import { toHex } from "#common/bytes.js";
import { type Child, INTERNAL, type InternalNode, type Node, STUB, Stub, UNSAVED } from "../node/node.js";

/** Trees whose nodes are kept: the latest of two or three types and a few candidates. */
const KEPT_TREES = 4;

/**
 * Holds the root nodes of the trees used last; everything that hangs below them stays in memory with them. When too many
 * nodes have come into memory, the upper part of each kept tree stays and what is below becomes stubs again.
 */
export class NodeCache {
  readonly #limit: number;
  #grown = 0;
  /** Least recently used first. */
  #kept: { readonly id: string; readonly node: Node }[] = [];

  /** @param limit nodes that may come into memory before it is cut back */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: Uint8Array): Node | undefined {
    const id = toHex(key);
    const found = this.#kept.find((entry) => entry.id === id);
    if (found !== undefined) {
      this.#kept = [...this.#kept.filter((entry) => entry !== found), found];
    }
    return found?.node;
  }

  set(key: Uint8Array, node: Node): void {
    const id = toHex(key);
    this.#kept = [...this.#kept.filter((entry) => entry.id !== id), { id, node }].slice(-KEPT_TREES);
  }

  delete(key: Uint8Array): void {
    const id = toHex(key);
    this.#kept = this.#kept.filter((entry) => entry.id !== id);
  }

  clear(): void {
    this.#kept = [];
  }

  /** Tells that so many nodes have come into memory. */
  grown(nodes: number): void {
    this.#grown += nodes;
    if (this.#grown > this.#limit) {
      this.#grown = 0;
      for (const { node } of this.#kept) {
        cutBelow(node, this.#limit >> 2);
      }
    }
  }
}

/** Keeps about so many nodes of a tree, level by level, and makes stubs of what hangs below them. */
function cutBelow(root: Node, keep: number): void {
  let level: InternalNode[] = root.kind === INTERNAL ? [root] : [];
  let kept = 1;
  while (level.length > 0) {
    const next: InternalNode[] = [];
    const full = kept >= keep;
    for (const node of level) {
      node.left = full ? stubOf(node.left) : node.left;
      node.right = full ? stubOf(node.right) : node.right;
      for (const child of [node.left, node.right]) {
        if (child !== undefined && child.kind === INTERNAL) {
          next.push(child);
        }
      }
    }
    kept += 2 * level.length;
    level = next;
  }
}

function stubOf(child: Child): Child {
  return child === undefined || child.kind === STUB || child.version === UNSAVED || child.hash === undefined
    ? child
    : new Stub(child.hash, child.version, child.index);
}
