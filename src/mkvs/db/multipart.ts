/** A version that comes in parts, as a checkpoint is restored (mkvs: NodeDB contract, multipart restore). */
import { equalBytes } from "#common/bytes.js";
import { EMPTY_HASH } from "#common/hash.js";
import { nodeDbErrors } from "../errors.js";
import { type Child, type NodeSource } from "../node/node.js";
import type { Root } from "../node/root.js";
import { NodeTree } from "../tree/node-tree.js";

/** A leaf that has been proven to belong to a root, with its own hash. */
export interface PartLeaf {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly hash: Uint8Array;
}

interface Part {
  readonly root: Root;
  readonly tree: NodeTree;
}

/** The trees that have come so far. They stay in memory until the version is finalised: an interrupted restore begins anew. */
export class Multipart {
  readonly version: bigint;
  readonly #source: NodeSource;
  #parts: Part[] = [];

  constructor(version: bigint, source: NodeSource) {
    this.version = version;
    this.#source = source;
  }

  /** Adds leaves of a root; parts may overlap and come in any order. */
  insert(root: Root, leaves: readonly PartLeaf[]): void {
    let part = this.#parts.find((other) => sameRoot(other.root, root));
    if (part === undefined) {
      part = { root, tree: new NodeTree(this.#source, undefined) };
      this.#parts.push(part);
    }
    for (const { key, value } of leaves) {
      part.tree.insert(key, value);
    }
  }

  /**
   * The whole tree of a root; undefined when no part of it came.
   * @throws nodeNotFound when some of its parts are missing
   */
  tree(root: Root): { readonly tree: Child } | undefined {
    const part = this.#parts.find((other) => sameRoot(other.root, root));
    if (part === undefined) {
      return undefined;
    }
    if (!equalBytes(part.tree.hash(), root.hash)) {
      throw nodeDbErrors.nodeNotFound("parts of the tree are missing");
    }
    return { tree: part.tree.root };
  }
}

function sameRoot(a: Root, b: Root): boolean {
  return a.type === b.type && a.version === b.version && equalBytes(a.hash, b.hash);
}

/** The empty tree that a restored one counts as made from. */
export function baseOfRestored(root: Root): Root {
  return { ...root, hash: EMPTY_HASH };
}
