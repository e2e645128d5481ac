/**
 * The node database on a disk. A commit appends its new nodes in pages under (version, number) and notes which older nodes
 * it no longer uses; pruning a version counts what its successor noted and deletes the pages that have no node left. All
 * of a commit is on the disk when it returns, candidates included.
 */
import { lasting } from "#common/byte-copy.js";
import { concatBytes, equalBytes, readU16be, u16be } from "#common/bytes.js";
import { Fault } from "#common/errors/index.js";
import { EMPTY_HASH } from "#common/hash.js";
import type { Disk, DiskTable } from "#common/ports/disk.js";
import { type Child, INTERNAL, InternalNode, LEAF, LeafNode, type Node, STUB, Stub, UNSAVED } from "../node/node.js";
import type { Root } from "../node/root.js";
import { NodeTree, type Retired } from "../tree/node-tree.js";
import type { Commit } from "../tree/working.js";
import type { WriteLog } from "../write-log.js";
import { NodeCache } from "./cache.js";
import { NodeTreeDb } from "./node-tree-db.js";
import { nodeInPage, pageKey, pageNodes, pageOf, PageWriter } from "./page.js";
import {
  type DiskRecord,
  logRecord,
  ownsAllNodes,
  readLogRecord,
  readRetiredRecord,
  readRootRecord,
  retiredRecord,
  rootKey,
  rootRecord,
  versionKey,
} from "./records.js";
import { VersionTable } from "./version-table.js";
import { lostNode } from "./versioned.js";

/** Versions whose root records stay in memory: those under way and their predecessors. */
const KEPT_VERSIONS = 4;
const DEFAULT_CACHE_NODES = 1 << 17;
/** Stands for a page that is gone already: it has no nodes. */
const NO_PAGE = new Uint8Array(2);

export interface DiskNodeDbOptions {
  readonly disk: Disk;
  /** Prefix of the names of its tables, so that several databases can share a disk. */
  readonly name: string;
  /** 32 bytes; a database that was made for another one is refused. */
  readonly namespace: Uint8Array;
  /** Nodes of recent trees kept in memory; 2^17 when absent. */
  readonly cacheNodes?: number;
}

/**
 * A commit or finalisation within a `disk.batch` of the caller is part of that batch. Should such a batch fail, the
 * objects in memory are ahead of the disk: discard the database object and open it again.
 */
export class DiskNodeDb extends NodeTreeDb<DiskRecord> {
  readonly #disk: Disk;
  readonly #pages: DiskTable;
  /** For pages that have unused nodes: how many, and how many nodes in all. */
  readonly #unused: DiskTable;
  readonly #roots: DiskTable;
  readonly #retired: DiskTable;
  readonly #logs: DiskTable;
  readonly #versions: VersionTable;
  readonly #cache: NodeCache;
  #kept: { readonly version: bigint; records: DiskRecord[] }[] = [];

  /** @throws Fault when the tables belong to another namespace */
  constructor(options: DiskNodeDbOptions) {
    super(options.namespace);
    const { disk, name } = options;
    this.#disk = disk;
    this.#pages = disk.openTable(`${name}/pages`);
    this.#unused = disk.openTable(`${name}/unused`);
    this.#roots = disk.openTable(`${name}/roots`);
    this.#retired = disk.openTable(`${name}/retired`);
    this.#logs = disk.openTable(`${name}/logs`);
    const meta = disk.openTable(`${name}/meta`);
    this.#cache = new NodeCache(options.cacheNodes ?? DEFAULT_CACHE_NODES);
    this.#versions = new VersionTable(meta, name, options.namespace);
    this.latest = this.#versions.latest;
    this.earliest = this.#versions.earliest;
  }

  resolve(stub: Stub): Node {
    const page = this.#pages.get(pageKey(stub.version, pageOf(stub.index)));
    if (page === undefined) {
      throw lostNode(stub);
    }
    this.#cache.grown(1);
    return nodeInPage(page, stub);
  }

  close(): void {
    this.#cache.clear();
    this.#kept = [];
  }

  protected record(root: Root): DiskRecord | undefined {
    const kept = this.#kept.find(({ version }) => version === root.version);
    if (kept !== undefined) {
      return kept.records.find((record) => record.root.type === root.type && equalBytes(record.root.hash, root.hash));
    }
    const key = rootKey(root);
    const bytes = this.#roots.get(key);
    return bytes === undefined ? undefined : readRootRecord(key, bytes, this.namespace);
  }

  protected records(version: bigint): DiskRecord[] {
    const kept = this.#kept.find((entry) => entry.version === version);
    if (kept !== undefined) {
      return kept.records;
    }
    const records: DiskRecord[] = [];
    for (const [key, bytes] of this.#roots.range({ gte: versionKey(version), lt: versionKey(version + 1n) })) {
      records.push(readRootRecord(key, bytes, this.namespace));
    }
    if (this.latest === undefined || version >= this.latest) {
      this.#kept = [...this.#kept, { version, records }].slice(-KEPT_VERSIONS);
    }
    return records;
  }

  protected open(record: DiskRecord): Child {
    const { place, root } = record;
    if (place.version === UNSAVED) {
      return undefined;
    }
    const key = rootKey(root);
    const cached = this.#cache.get(key);
    if (cached !== undefined) {
      return cached;
    }
    const node = this.resolve(new Stub(root.hash, place.version, place.index));
    this.#cache.set(key, node);
    return node;
  }

  protected store(commit: Commit): Child {
    const { base, root, writeLog } = commit;
    const version = Number(root.version);
    const records = this.records(root.version);
    // Candidates of one version number their pages one after the other.
    const firstPage = records.reduce((next, record) => Math.max(next, record.firstPage + record.pageCount), 0);
    const pages = new PageWriter(version, firstPage, (key, page) => this.#pages.put(key, page));
    const writer = new CommitWriter(pages, this, version, firstPage);
    const tree = writer.write(commit.tree);
    const pageCount = pages.finish() - firstPage;
    const place = tree === undefined ? { version: UNSAVED, index: 0 } : { version: tree.version, index: tree.index };
    const key = rootKey(root);
    const record = { root, base, place, firstPage, pageCount };
    this.#roots.put(key, rootRecord(record));
    records.push(record);
    // Places of the version itself belong to a sibling candidate that shares nodes with this tree, not to the base.
    const retired = commit.retired.filter((old) => old.version < version);
    if (retired.length > 0) {
      this.#retired.put(key, retiredRecord(retired, version));
    }
    if (writeLog !== undefined) {
      this.#logs.put(key, logRecord(writeLog));
    }
    if (tree !== undefined && tree.kind !== STUB) {
      this.#cache.set(key, tree);
    }
    this.#cache.grown(writer.count);
    return tree;
  }

  protected drop(record: DiskRecord): void {
    this.#deleteOwnPages(record);
    this.#deleteRecords(record);
  }

  protected forget(record: DiskRecord, next: DiskRecord | undefined): void {
    if (next !== undefined) {
      const key = rootKey(next.root);
      const bytes = this.#retired.get(key);
      if (bytes !== undefined) {
        this.#deleteNodes(readRetiredRecord(bytes, Number(next.root.version)));
        this.#retired.delete(key);
      }
    } else if (ownsAllNodes(record)) {
      this.#deleteOwnPages(record);
    } else {
      this.#deleteNodes(this.#placesOf(record));
    }
    this.#deleteRecords(record);
  }

  protected storedWriteLog(record: DiskRecord): WriteLog | undefined {
    const bytes = this.#logs.get(rootKey(record.root));
    if (bytes === undefined) {
      return undefined;
    }
    const tree = new NodeTree(this, this.open(record));
    return readLogRecord(bytes, (key) => {
      const value = tree.get(key);
      if (value === undefined) {
        throw new Fault("mkvs: a write log names a key that its tree does not have");
      }
      return value;
    });
  }

  protected saveVersions(): void {
    this.#versions.save(this.latest, this.earliest);
  }

  protected atomically<T>(body: () => T): T {
    return this.#disk.batch(body);
  }

  #deleteOwnPages(record: DiskRecord): void {
    const version = Number(record.root.version);
    for (let i = 0; i < record.pageCount; i++) {
      const key = pageKey(version, record.firstPage + i);
      this.#pages.delete(key);
      this.#unused.delete(key);
    }
  }

  /** Counts nodes as unused and deletes the pages that have no other. */
  #deleteNodes(places: Retired[]): void {
    places.sort((a, b) => a.version - b.version || a.index - b.index);
    for (let i = 0; i < places.length; ) {
      const { version, index } = places[i] as Retired;
      const page = pageOf(index);
      let end = i + 1;
      while (places[end]?.version === version && pageOf(places[end]?.index ?? 0) === page) {
        end++;
      }
      this.#deleteInPage(pageKey(version, page), end - i);
      i = end;
    }
  }

  #deleteInPage(key: Uint8Array, nodes: number): void {
    const counts = this.#unused.get(key);
    const unused = nodes + (counts === undefined ? 0 : readU16be(counts));
    const all = counts === undefined ? pageNodes(this.#pages.get(key) ?? NO_PAGE) : readU16be(counts, 2);
    if (unused < all) {
      this.#unused.put(key, concatBytes(u16be(unused), u16be(all)));
      return;
    }
    this.#pages.delete(key);
    if (counts !== undefined) {
      this.#unused.delete(key);
    }
  }

  /** Places of all nodes of a tree. */
  #placesOf(record: DiskRecord): Retired[] {
    const places: Retired[] = record.place.version === UNSAVED ? [] : [record.place];
    for (let i = 0; i < places.length; i++) {
      const { version, index } = places[i] as Retired;
      const node = this.resolve(new Stub(EMPTY_HASH, version, index));
      for (const child of node.kind === INTERNAL ? [node.left, node.right] : []) {
        if (child !== undefined) {
          places.push({ version: child.version, index: child.index });
        }
      }
    }
    return places;
  }

  #deleteRecords(record: DiskRecord): void {
    const key = rootKey(record.root);
    this.#roots.delete(key);
    this.#retired.delete(key);
    this.#logs.delete(key);
    this.#cache.delete(key);
    for (const kept of this.#kept) {
      kept.records = kept.records.filter((other) => !equalBytes(rootKey(other.root), key));
    }
  }
}

/** The tree may stay in memory as long as the program runs: a leaf should hold no more than its value. */
function keepLong(leaf: Child): void {
  if (leaf?.kind === LEAF) {
    leaf.value = lasting(leaf.value);
  }
}

/** Writes the new nodes of one commit, children before parents. */
class CommitWriter {
  /** Nodes written. */
  count = 0;
  readonly #pages: PageWriter;
  readonly #source: DiskNodeDb;
  readonly #version: number;
  readonly #firstPage: number;

  constructor(pages: PageWriter, source: DiskNodeDb, version: number, firstPage: number) {
    this.#pages = pages;
    this.#source = source;
    this.#version = version;
    this.#firstPage = firstPage;
  }

  /** @returns the tree with every node in its place */
  write(tree: Child): Child {
    if (this.#settled(tree)) {
      return tree;
    }
    const root = this.#own(tree as Node | Stub);
    const open: Node[] = [root];
    for (let node = open.at(-1); node !== undefined; node = open.at(-1)) {
      const waiting = open.length;
      if (node.kind === INTERNAL) {
        node.left = this.#queue(open, node.left);
        node.right = this.#queue(open, node.right);
        keepLong(node.leaf);
      } else {
        keepLong(node);
      }
      if (open.length === waiting) {
        open.pop();
        this.#pages.write(node);
        this.count++;
      }
    }
    return root;
  }

  #queue(open: Node[], child: Child): Child {
    if (this.#settled(child)) {
      return child;
    }
    const node = this.#own(child as Node | Stub);
    open.push(node);
    return node;
  }

  /** Whether a subtree is on the disk already and stays there if this commit is the one that is finalised. */
  #settled(child: Child): boolean {
    return (
      child === undefined ||
      (child.version !== UNSAVED && (child.version !== this.#version || pageOf(child.index) >= this.#firstPage))
    );
  }

  /**
   * The node to write. One that a sibling candidate has placed in the same version is copied: the sibling's place goes
   * away if this commit is finalised, and the other way round.
   */
  #own(child: Node | Stub): Node {
    const node = child.kind === STUB ? this.#source.resolve(child) : child;
    if (node.version === UNSAVED) {
      return node;
    }
    if (node.kind === LEAF) {
      const leaf = new LeafNode(node.key, node.value);
      leaf.hash = node.hash;
      return leaf;
    }
    const copy = new InternalNode(node.label, node.labelBits);
    copy.leaf = node.leaf;
    copy.left = node.left;
    copy.right = node.right;
    copy.hash = node.hash;
    return copy;
  }
}
