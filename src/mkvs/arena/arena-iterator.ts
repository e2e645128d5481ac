/** Walks a tree of an arena in key order. */
import { assert } from "#common/assert.js";
import { compareBytes } from "#common/bytes.js";
import type { KeyValueIterator } from "../key-value.js";
import { bitAt, commonBits } from "../node/bits.js";
import { successor } from "../tree/tree-iterator.js";
import type { ArenaTrees } from "./arena-tree.js";
import type { StoredLeaf } from "./leaf-pages.js";

/** Where the tree is at present, and a number that changes whenever its references may have become invalid. */
export interface Position {
  readonly root: number;
  readonly generation: number;
}

export class ArenaIterator implements KeyValueIterator {
  readonly #trees: ArenaTrees;
  readonly #position: () => Position;
  #generation = -1;
  #at: StoredLeaf | undefined;
  /** Subtrees that lie ahead, the next one last. */
  #ahead: number[] = [];

  constructor(trees: ArenaTrees, position: () => Position) {
    this.#trees = trees;
    this.#position = position;
  }

  get valid(): boolean {
    return this.#at !== undefined;
  }

  get key(): Uint8Array {
    assert(this.#at !== undefined, "an iterator that is past the end has no key");
    return this.#at.key;
  }

  get value(): Uint8Array {
    assert(this.#at !== undefined, "an iterator that is past the end has no value");
    return this.#at.value;
  }

  next(): void {
    const at = this.#at;
    if (at === undefined) {
      return;
    }
    if (this.#position().generation !== this.#generation) {
      this.seek(successor(at.key));
    } else {
      this.#advance();
    }
  }

  seek(key: Uint8Array): void {
    const { root, generation } = this.#position();
    this.#generation = generation;
    this.#ahead = [];
    const { arena } = this.#trees;
    const keyBits = key.length << 3;
    let depth = 0;
    let ref = root;
    for (;;) {
      if (ref <= 0) {
        const leaf = ref === 0 ? undefined : this.#trees.content(ref);
        if (leaf !== undefined && compareBytes(leaf.key, key) >= 0) {
          this.#at = leaf;
        } else {
          this.#advance();
        }
        return;
      }
      const label = arena.label(ref);
      const bits = arena.labelBits(ref);
      const common = commonBits(label, bits, key, keyBits, depth);
      const branch = depth + common;
      depth += bits;
      if (keyBits <= branch || (common < bits && !bitAt(key, branch))) {
        // The key ends at or above this node, or is below all of it: the first key of the subtree is the one.
        this.#ahead.push(ref);
        this.#advance();
        return;
      }
      if (common < bits) {
        this.#advance();
        return;
      }
      if (bitAt(key, depth)) {
        ref = arena.right(ref);
      } else {
        this.#ahead.push(arena.right(ref));
        ref = arena.left(ref);
      }
    }
  }

  #advance(): void {
    const { arena } = this.#trees;
    for (let ref = this.#ahead.pop(); ref !== undefined; ref = this.#ahead.pop()) {
      if (ref < 0) {
        this.#at = this.#trees.content(ref);
        return;
      }
      if (ref > 0) {
        this.#ahead.push(arena.right(ref), arena.left(ref), arena.leaf(ref));
      }
    }
    this.#at = undefined;
  }
}
