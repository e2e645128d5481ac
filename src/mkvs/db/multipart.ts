/** A version that comes in parts, as a checkpoint is restored (mkvs: NodeDB contract, multipart restore). */
import { assert } from "#common/assert.js";
import { equalBytes } from "#common/bytes.js";
import { EMPTY_HASH } from "#common/hash.js";
import { nodeDbErrors } from "../errors.js";
import type { NodeSource } from "../node/node.js";
import type { Root } from "../node/root.js";
import { NodeTree } from "../tree/node-tree.js";
import type { Commit } from "../tree/working.js";
import type { PartLeaves } from "./node-db.js";

interface Part {
  readonly root: Root;
  readonly tree: NodeTree;
}

/** The trees that have come so far. */
export interface Multipart {
  readonly version: bigint;
  /** Adds leaves of a root; parts may overlap and come in any order. */
  insert(root: Root, leaves: PartLeaves): void;
  /** Whether some part of a root came. */
  has(root: Root): boolean;
  /** @throws nodeNotFound when some parts of a root are missing */
  check(root: Root): void;
  /** Drops everything. */
  drop(): void;
}

/** Parts as trees in memory. */
export class TreeMultipart implements Multipart {
  readonly version: bigint;
  readonly #source: NodeSource;
  #parts: Part[] = [];

  constructor(version: bigint, source: NodeSource) {
    this.version = version;
    this.#source = source;
  }

  insert(root: Root, leaves: PartLeaves): void {
    let part = this.#parts.find((other) => sameRoot(other.root, root));
    if (part === undefined) {
      part = { root, tree: new NodeTree(this.#source, undefined) };
      this.#parts.push(part);
    }
    for (const [i, key] of leaves.keys.entries()) {
      part.tree.insert(key, leaves.values[i] as Uint8Array);
    }
  }

  has(root: Root): boolean {
    return this.#parts.some((part) => sameRoot(part.root, root));
  }

  check(root: Root): void {
    if (!equalBytes(this.#tree(root).hash(), root.hash)) {
      throw nodeDbErrors.nodeNotFound("parts of the tree are missing");
    }
  }

  drop(): void {
    this.#parts = [];
  }

  /** The commit that stores the whole tree of a root. */
  commitOf(root: Root): Commit {
    return { base: emptied(root), root, tree: this.#tree(root).root, retired: [], writeLog: undefined };
  }

  #tree(root: Root): NodeTree {
    const part = this.#parts.find((other) => sameRoot(other.root, root));
    assert(part !== undefined, "some part of the root has come");
    return part.tree;
  }
}

export function sameRoot(a: Root, b: Root): boolean {
  return a.type === b.type && a.version === b.version && equalBytes(a.hash, b.hash);
}

/** The empty tree in the place of another. */
export function emptied(root: Root): Root {
  return { ...root, hash: EMPTY_HASH };
}
