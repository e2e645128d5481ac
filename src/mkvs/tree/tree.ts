/** The Merklized Key-Value Store as its users see it. */
import { assert } from "#common/assert.js";
import { equalBytes } from "#common/bytes.js";
import { Fault, unknown } from "#common/errors/index.js";
import type { NodeDb } from "../db/node-db.js";
import type { KeyValueIterator, KeyValueStore } from "../key-value.js";
import { type Child, type NodeSource, Stub } from "../node/node.js";
import type { RecentNodes } from "../node/recent-nodes.js";
import { isEmptyRoot, type Root, ROOT_STATE } from "../node/root.js";
import { type RemoteOptions, SyncedSource } from "../remote.js";
import type { ReadSyncer } from "../sync.js";
import type { WriteLog } from "../write-log.js";
import { NodeTree } from "./node-tree.js";
import { newLog, NodeWorkingTree, type WorkingTree } from "./working.js";

/** The source of trees that are all in memory. */
const NOWHERE: NodeSource = {
  resolve() {
    throw new Fault("mkvs: the tree refers to a node, but has no database to read it from");
  },
};

export interface TreeOptions extends RemoteOptions {
  /** Where the tree reads its nodes and commits to; without one, all of it stays in memory. */
  readonly db?: NodeDb;
  /** Who holds the tree, if it is somebody else: nodes are fetched with proofs when they are first needed. */
  readonly syncer?: ReadSyncer;
  /** The committed tree to start from; an empty tree without it. Its hash is trusted. */
  readonly root?: Root;
  /** Type of the roots that it will commit; that of `root` if there is one, else state. */
  readonly type?: number;
  /** Whether to log changes (default). Without a log, commits return an empty one and the database keeps none. */
  readonly writeLog?: boolean;
}

/** What a commit made. */
export interface Committed {
  readonly hash: Uint8Array;
  readonly writeLog: WriteLog;
}

/**
 * A tree of one type. It is cheap to open at a committed root, to fork and to drop: nodes are shared between all trees
 * that were made from one another.
 */
export class Tree implements KeyValueStore {
  readonly #type: number;
  #base: Root | undefined;
  #working: WorkingTree;

  /** @throws the errors of `NodeDb.loadRoot`; reading throws those of the syncer, and DecodeError for a wrong proof */
  constructor(options: TreeOptions = {}) {
    const { root } = options;
    this.#base = root;
    this.#type = root?.type ?? options.type ?? ROOT_STATE;
    this.#working = workingTree(options);
  }

  /** The committed root that the tree was made from; undefined for one that was made from nothing. */
  get base(): Root | undefined {
    return this.#base;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#working.get(key);
  }

  iterator(): KeyValueIterator {
    return this.#working.iterator();
  }

  insert(key: Uint8Array, value: Uint8Array): void {
    this.#working.insert(key, value);
  }

  remove(key: Uint8Array): void {
    this.#working.remove(key);
  }

  removeExisting(key: Uint8Array): Uint8Array | undefined {
    return this.#working.removeExisting(key);
  }

  /**
   * Fetches all entries under some prefixes of the tree that it was made from, in one request. Without effect on a tree
   * that is not fetched from somebody.
   *
   * @param limit most entries in all, 1 to 65535
   * @throws the errors of the syncer, and DecodeError for a wrong proof
   */
  prefetch(prefixes: readonly Uint8Array[], limit: number): void {
    this.#working.prefetch?.(prefixes, limit);
  }

  /** Hash of the tree as it stands, changes included. Costs a hash per changed node, once. */
  rootHash(): Uint8Array {
    return this.#working.rootHash();
  }

  /** Lets trees that follow this one use what it has changed. */
  share(recent: RecentNodes): void {
    this.#working.share?.(recent);
  }

  /** Applies a write log entry by entry. */
  applyWriteLog(log: WriteLog): void {
    for (const [key, value] of log) {
      if (value === null) {
        this.remove(key);
      } else {
        this.insert(key, value);
      }
    }
  }

  /**
   * A second tree with the same content, changes included. Both go on independently; dropping either costs nothing.
   */
  fork(): Tree {
    const twin = new Tree({ type: this.#type, writeLog: false });
    twin.#base = this.#base;
    twin.#working = this.#working.fork();
    return twin;
  }

  /**
   * Makes the tree as it stands a root of a version, in the database if there is one. It is final only after
   * `NodeDb.finalize`. The tree goes on from the new root.
   *
   * @param namespace 32 bytes, that of the database
   * @throws the errors of `NodeDb.commit`
   */
  commit(namespace: Uint8Array, version: bigint): Committed {
    const root: Root = { namespace, version, type: this.#type, hash: this.rootHash() };
    const writeLog = this.#working.commit(this.#base, root);
    this.#base = root;
    return { hash: root.hash, writeLog };
  }

  /**
   * Commits only if the result is the given root; nothing is written otherwise.
   * @throws CodedError of no module when the hash differs
   */
  commitKnown(root: Root): WriteLog {
    if (!equalBytes(this.rootHash(), root.hash) || root.type !== this.#type) {
      throw unknown("mkvs: known root mismatch");
    }
    return this.commit(root.namespace, root.version).writeLog;
  }

  /** Lets go of all nodes; the tree is then empty and not to be used. */
  close(): void {
    this.#working.close();
  }
}

function workingTree(options: TreeOptions): WorkingTree {
  const { db, root, syncer } = options;
  const logged = options.writeLog !== false;
  if (db !== undefined && syncer === undefined) {
    return db.openTree(root, logged);
  }
  if (syncer === undefined) {
    assert(root === undefined, "a tree that starts from a root needs a database or a syncer that has it");
    return new NodeWorkingTree(new NodeTree(NOWHERE, undefined), newLog(logged), undefined);
  }
  assert(root !== undefined, "a tree that a syncer holds has a root");
  const tree: Child = isEmptyRoot(root) ? undefined : new Stub(root.hash);
  const nodes = new NodeTree(new SyncedSource(syncer, root, options), tree);
  // What was fetched cannot be committed: a database would have to hold the rest of it too.
  return new NodeWorkingTree(nodes, newLog(logged), undefined);
}
