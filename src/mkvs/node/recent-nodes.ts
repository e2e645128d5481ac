import { toHex } from "#common/bytes.js";
import { type Child, type Edit, INTERNAL, type Node, STUB } from "./node.js";

/** Nodes that are held, unless told otherwise. */
const DEFAULT_LIMIT = 100_000;

/**
 * Nodes by their hashes, for trees that follow one another: what a new tree has in common with those before it, and what
 * was changed here, need not be fetched. A hash says all about a node, so it does not matter where it came from.
 */
export class RecentNodes {
  readonly #nodes = new Map<string, Node>();
  readonly #limit: number;

  /** @param limit nodes after which it begins anew */
  constructor(limit = DEFAULT_LIMIT) {
    this.#limit = limit;
  }

  get(hash: Uint8Array): Node | undefined {
    return this.#nodes.get(toHex(hash));
  }

  /** Takes a node whose hash is known and which nobody will change any more. */
  add(node: Node): void {
    // Older nodes hang below newer ones: to forget a few of them would free nothing.
    if (this.#nodes.size >= this.#limit) {
      this.#nodes.clear();
    }
    if (node.hash !== undefined) {
      this.#nodes.set(toHex(node.hash), node);
    }
  }

  /** Takes what a tree has changed. @param edit the tree's right to change nodes, which it gives up with this */
  addChanged(root: Child, edit: Edit): void {
    const open: Child[] = [root];
    while (open.length > 0) {
      const node = open.pop();
      if (node === undefined || node.kind === STUB || node.edit !== edit) {
        continue;
      }
      node.edit = undefined;
      this.add(node);
      if (node.kind === INTERNAL) {
        open.push(node.leaf, node.left, node.right);
      }
    }
  }
}
