/** The Merklized Key-Value Store as its users see it. */
import { assert } from "#common/assert.js";
import { equalBytes } from "#common/bytes.js";
import { Fault, unknown } from "#common/errors/index.js";
import { EMPTY_HASH } from "#common/hash.js";
import type { NodeDb } from "../db/node-db.js";
import type { KeyValueIterator, KeyValueStore } from "../key-value.js";
import { type Child, type NodeSource, Stub } from "../node/node.js";
import { isEmptyRoot, type Root, ROOT_STATE } from "../node/root.js";
import { type RemoteOptions, SyncedSource } from "../remote.js";
import type { ReadSyncer } from "../sync.js";
import { PendingLog, type WriteLog } from "../write-log.js";
import { NodeTree } from "./node-tree.js";
import { TreeIterator } from "./tree-iterator.js";

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
  readonly #db: NodeDb | undefined;
  readonly #type: number;
  #base: Root | undefined;
  #nodes: NodeTree;
  #log: PendingLog | undefined;

  /** @throws the errors of `NodeDb.loadRoot`; reading throws those of the syncer, and DecodeError for a wrong proof */
  constructor(options: TreeOptions = {}) {
    const { db, root, syncer } = options;
    const held = db !== undefined || syncer !== undefined;
    assert(root === undefined || held, "a tree that starts from a root needs a database or a syncer that has it");
    this.#db = db;
    this.#base = root;
    this.#type = root?.type ?? options.type ?? ROOT_STATE;
    this.#nodes = root === undefined ? new NodeTree(db ?? NOWHERE, undefined) : openTree(root, options);
    this.#log = options.writeLog === false ? undefined : new PendingLog();
  }

  /** The committed root that the tree was made from; undefined for one that was made from nothing. */
  get base(): Root | undefined {
    return this.#base;
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

  /** Hash of the tree as it stands, changes included. Costs a hash per changed node, once. */
  rootHash(): Uint8Array {
    return this.#nodes.hash();
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
    const twin = new Tree({ db: this.#db, type: this.#type, writeLog: false });
    twin.#base = this.#base;
    twin.#nodes = this.#nodes.fork();
    twin.#log = this.#log?.clone();
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
    const writeLog = this.#log?.entries();
    const base = this.#base ?? { ...root, hash: EMPTY_HASH };
    const { retired, root: tree } = this.#nodes;
    this.#nodes.settle(this.#db === undefined ? tree : this.#db.commit({ base, root, tree, retired, writeLog }));
    this.#base = root;
    this.#log?.clear();
    return { hash: root.hash, writeLog: writeLog ?? [] };
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
    this.#nodes.settle(undefined);
  }
}

function openTree(root: Root, options: TreeOptions): NodeTree {
  const { db, syncer } = options;
  if (syncer === undefined) {
    return new NodeTree(db ?? NOWHERE, db?.loadRoot(root));
  }
  const tree: Child = isEmptyRoot(root) ? undefined : new Stub(root.hash);
  return new NodeTree(new SyncedSource(syncer, root, options), tree);
}
