/** A tree that is being changed, as `Tree` sees it. Each kind of database has its own. */
import { EMPTY_HASH } from "#common/hash.js";
import type { KeyValueIterator } from "../key-value.js";
import type { Child } from "../node/node.js";
import type { RecentNodes } from "../node/recent-nodes.js";
import type { Root } from "../node/root.js";
import { PendingLog, type WriteLog } from "../write-log.js";
import type { NodeTree, Retired } from "./node-tree.js";
import { TreeIterator } from "./tree-iterator.js";

export interface WorkingTree {
  get(key: Uint8Array): Uint8Array | undefined;
  iterator(): KeyValueIterator;
  /** @throws InvalidInput when the key is longer than 8191 bytes */
  insert(key: Uint8Array, value: Uint8Array): void;
  remove(key: Uint8Array): void;
  removeExisting(key: Uint8Array): Uint8Array | undefined;
  rootHash(): Uint8Array;
  /** A second tree with the same content and the same pending changes. */
  fork(): WorkingTree;
  /**
   * Makes the tree a root in its database, if it has one, and goes on from it.
   *
   * @param base the root that the tree was made from, if there is one
   * @param root hash as of `rootHash`
   */
  commit(base: Root | undefined, root: Root): WriteLog;
  /** Lets trees that follow this one use the nodes that it has changed; only where trees are fetched from somebody. */
  share?(recent: RecentNodes): void;
  /** Fetches entries ahead; only where trees are fetched from somebody. */
  prefetch?(prefixes: readonly Uint8Array[], limit: number): void;
  /** Lets go of everything. */
  close(): void;
}

/** A tree on its way into a database. */
export interface Commit {
  /** The root that the tree was made from; empty for a tree that was made from nothing. */
  readonly base: Root;
  readonly root: Root;
  /** The tree itself, all hashes known. */
  readonly tree: Child;
  /** Places of `base` that the tree no longer uses. */
  readonly retired: readonly Retired[];
  /** What changed since `base`; undefined when the tree kept no log. */
  readonly writeLog: WriteLog | undefined;
}

/** Takes trees of node objects. */
export interface CommitTarget {
  commit(commit: Commit): Child;
}

/** A tree of node objects: changes copy the path to the root once. */
export class NodeWorkingTree implements WorkingTree {
  readonly #nodes: NodeTree;
  readonly #log: PendingLog | undefined;
  readonly #target: CommitTarget | undefined;

  /** @param target where commits go; without it they only fix the tree in memory */
  constructor(nodes: NodeTree, log: PendingLog | undefined, target: CommitTarget | undefined) {
    this.#nodes = nodes;
    this.#log = log;
    this.#target = target;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#nodes.get(key);
  }

  iterator(): KeyValueIterator {
    return new TreeIterator(this.#nodes);
  }

  insert(key: Uint8Array, value: Uint8Array): void {
    const existed = this.#nodes.insert(key, value);
    this.#log?.note(key, value, existed);
  }

  remove(key: Uint8Array): void {
    this.removeExisting(key);
  }

  removeExisting(key: Uint8Array): Uint8Array | undefined {
    const old = this.#nodes.remove(key);
    this.#log?.note(key, null, old !== undefined);
    return old;
  }

  rootHash(): Uint8Array {
    return this.#nodes.hash();
  }

  fork(): WorkingTree {
    return new NodeWorkingTree(this.#nodes.fork(), this.#log?.clone(), this.#target);
  }

  commit(base: Root | undefined, root: Root): WriteLog {
    const writeLog = this.#log?.entries();
    const { retired, root: tree } = this.#nodes;
    const from = base ?? { ...root, hash: EMPTY_HASH };
    const kept = this.#target === undefined ? tree : this.#target.commit({ base: from, root, tree, retired, writeLog });
    this.#nodes.settle(kept);
    this.#log?.clear();
    return writeLog ?? [];
  }

  share(recent: RecentNodes): void {
    this.#nodes.share(recent);
  }

  prefetch(prefixes: readonly Uint8Array[], limit: number): void {
    this.#nodes.source.prefetch?.(prefixes, limit);
  }

  close(): void {
    this.#nodes.settle(undefined);
  }
}

/** A log for a tree that keeps one. */
export function newLog(wanted: boolean): PendingLog | undefined {
  return wanted ? new PendingLog() : undefined;
}
