/** A restored tree that grows in the arena as its parts come; its leaves go to the disk at once. */
import { assert } from "#common/assert.js";
import { compareBytes, equalBytes } from "#common/bytes.js";
import type { Disk } from "#common/ports/disk.js";
import { HASH_WORDS } from "../arena/arena.js";
import { Refs } from "../arena/refs.js";
import type { ArenaTrees } from "../arena/arena-tree.js";
import { hashNodes } from "../arena/node-hasher.js";
import { applyUnhashed } from "../arena/batch-apply.js";
import { nodeDbErrors } from "../errors.js";
import { type Root, ROOT_STATE } from "../node/root.js";
import { type Multipart, sameRoot } from "./multipart.js";
import type { PartLeaves } from "./node-db.js";

interface Part {
  readonly root: Root;
  ref: number;
  /** Whether all nodes have their hashes. Parts come without: only the whole tree is checked. */
  hashed: boolean;
}

export class ArenaMultipart implements Multipart {
  readonly version: bigint;
  readonly #trees: ArenaTrees;
  readonly #disk: Disk;
  readonly #abandon: () => void;
  #parts: Part[] = [];
  #taken = false;

  /** @param abandon deletes all that was written of the parts */
  constructor(version: bigint, trees: ArenaTrees, disk: Disk, abandon: () => void) {
    this.#abandon = abandon;
    this.version = version;
    this.#trees = trees;
    this.#disk = disk;
  }

  insert(root: Root, leaves: PartLeaves): void {
    let part = this.#parts.find((other) => sameRoot(other.root, root));
    if (part === undefined) {
      part = { root, ref: 0, hashed: false };
      this.#parts.push(part);
    }
    const changes = inOrder(leaves);
    const { keys, values } = changes;
    const into = part;
    this.#disk.batch(() => {
      const { pages } = this.#trees;
      const place = (ref: number, i: number): void => {
        const offset = pages.append(keys[i] as Uint8Array, values[i] as Uint8Array);
        this.#trees.place(ref, pages.page, offset);
      };
      const applied = applyUnhashed(this.#trees.arena, into.ref, changes, this.#trees.lendKey, place);
      pages.flush();
      into.ref = applied.ref;
      into.hashed = false;
      // Nobody else has seen the tree as it was.
      this.#trees.free(applied.retired);
    });
  }

  has(root: Root): boolean {
    return this.#parts.some((part) => sameRoot(part.root, root));
  }

  check(root: Root): void {
    const part = this.#part(root);
    if (!part.hashed) {
      hashNodes(this.#trees.arena, this.#trees.rows(part.ref).reversed());
      part.hashed = true;
    }
    if (!equalBytes(this.#trees.arena.hash(part.ref), root.hash)) {
      throw nodeDbErrors.nodeNotFound("parts of the tree are missing");
    }
  }

  /** Hands a complete tree over, with all of its rows. */
  take(root: Root): { readonly ref: number; readonly refs: Refs } {
    const { ref } = this.#part(root);
    this.#taken = true;
    this.#parts = this.#parts.filter((part) => !sameRoot(part.root, root));
    return { ref, refs: root.type === ROOT_STATE ? new Refs() : this.#trees.rows(ref) };
  }

  drop(): void {
    for (const { ref } of this.#parts) {
      for (const leaf of this.#taken ? this.#trees.leaves(ref) : []) {
        this.#trees.pages.release(this.#trees.arena.leafPage(leaf));
      }
      this.#trees.free(this.#trees.rows(ref));
    }
    this.#parts = [];
    if (!this.#taken) {
      this.#abandon();
    }
  }

  #part(root: Root): Part {
    const part = this.#parts.find((other) => sameRoot(other.root, root));
    assert(part !== undefined, "some part of the root has come");
    return part;
  }
}

/** Leaves of a proof are in key order already, unless somebody wanted to annoy. */
function inOrder(leaves: PartLeaves): PartLeaves {
  const { keys, values, hashes } = leaves;
  if (keys.every((key, i) => i === 0 || compareBytes(keys[i - 1] as Uint8Array, key) < 0)) {
    return leaves;
  }
  const keyOf = (i: number): Uint8Array => keys[i] as Uint8Array;
  const sorted = Array.from(keys.keys()).sort((a, b) => compareBytes(keyOf(a), keyOf(b)));
  const order = sorted.filter((at, i) => i === 0 || !equalBytes(keyOf(sorted[i - 1] as number), keyOf(at)));
  const ordered = new Int32Array(HASH_WORDS * order.length);
  order.forEach((at, i) => {
    ordered.set(hashes.subarray(HASH_WORDS * at, HASH_WORDS * (at + 1)), HASH_WORDS * i);
  });
  return { keys: order.map(keyOf), values: order.map((i) => values[i] as Uint8Array), hashes: ordered };
}
