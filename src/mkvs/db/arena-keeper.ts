/** When the arrays of an arena are written, and what is tidied up with them: all deletions wait for it. */
import { concatBytes, readU32be, readU64be, u32be, u64be } from "#common/bytes.js";
import type { DiskTable } from "#common/ports/disk.js";
import type { ArenaTrees } from "../arena/arena-tree.js";
import { deltaEntries } from "../arena/delta.js";
import { Resident } from "../arena/residents.js";
import { readSnapshot, writeSnapshot } from "../arena/snapshot.js";
import { ROOT_STATE } from "../node/root.js";
import { versionKey } from "./records.js";

/** Changed keys after which the arrays are written again at the earliest. */
const LEAST_CHANGES = 20_000;
/** Part of the keys that may have changed before they are written again. */
const CHANGED_PART = 5;
/** Pages of which nothing is needed from which on the arrays are written at the earliest, so that these can go. */
const LEAST_UNNEEDED = 1024;
/** So many rows of the arrays are written for each such page at most. */
const ROWS_A_PAGE = 16;
/** Fewer changes are quicker to repeat than to write the arrays when the database is closed. */
const WORTH_CLOSING = 2_000;
/** Bytes in leaves that nobody needs from which on sparse pages are rewritten. */
const LEAST_WASTE = 16 << 20;
/** Part of all bytes that nobody needs from which on sparse pages are rewritten. */
const WASTED_PART = 0.33;
/** Pages are rewritten when so little of them is needed. */
const SPARSE = 0.5;
/** With more versions than this kept, nothing is worth rewriting: what they need stays. */
const MANY_VERSIONS = 1000n;

const SNAPSHOT = Uint8Array.of(4);
const PARTS_FROM = Uint8Array.of(5);
const NO_STATE = 0;

export interface ArenaTables {
  readonly arrays: DiskTable;
  readonly roots: DiskTable;
  readonly deltas: DiskTable;
  readonly meta: DiskTable;
}

export interface KeeperOptions {
  /** Changed keys after which the arrays are written again; a fifth of the keys, at least 20,000, when absent. */
  readonly snapshotAfter?: number | undefined;
  /** Bytes in leaves that nobody needs from which on sparse pages are rewritten; 16 MiB when absent. */
  readonly rewriteFrom?: number | undefined;
}

/** What a snapshot stands for. */
interface Loaded {
  readonly version: bigint;
  readonly earliest: bigint;
  /** The latest tree of the state, if there is one. */
  readonly latest: Resident | undefined;
}

export class ArenaKeeper {
  readonly #tables: ArenaTables;
  readonly #trees: ArenaTrees;
  readonly #after: number | undefined;
  readonly #leastWaste: number;
  #changes = 0;
  #forced = false;
  #garbage: Uint8Array[] = [];

  constructor(tables: ArenaTables, trees: ArenaTrees, { snapshotAfter, rewriteFrom }: KeeperOptions) {
    this.#tables = tables;
    this.#trees = trees;
    this.#after = snapshotAfter;
    this.#leastWaste = rewriteFrom ?? LEAST_WASTE;
  }

  changed(keys: number): void {
    this.#changes += keys;
  }

  /** Wants the arrays written at the end of the batch that is under way. */
  forceSnapshot(): void {
    this.#forced = true;
  }

  /** A difference that was not chosen: it is needed no more, but perhaps to repeat what came after the last snapshot. */
  garbage(key: Uint8Array): void {
    this.#garbage.push(key);
  }

  get due(): boolean {
    const { arena, pages } = this.#trees;
    const { internal, leaves } = arena.used;
    const part = Math.max(LEAST_CHANGES, Math.trunc(leaves / CHANGED_PART));
    const unneeded = Math.max(LEAST_UNNEEDED, Math.trunc((internal + leaves) / ROWS_A_PAGE));
    return this.#forced || this.#changes >= (this.#after ?? part) || pages.unneeded >= unneeded;
  }

  get worthSnapshot(): boolean {
    return this.#changes >= WORTH_CLOSING;
  }

  /** Notes where the pages of a version in parts begin: should the process end, they belong to nothing. */
  beginParts(): void {
    this.#tables.meta.put(PARTS_FROM, u32be(this.#trees.pages.page));
  }

  /** The version in parts has become final. */
  endParts(): void {
    this.#tables.meta.delete(PARTS_FROM);
  }

  /** The version in parts has been given up: its pages go. */
  abandonParts(): void {
    const from = this.#tables.meta.get(PARTS_FROM);
    if (from !== undefined) {
      this.#trees.pages.deleteFrom(readU32be(from));
      this.endParts();
    }
  }

  /** Writes the arrays and deletes what nobody needs. */
  snapshot(latest: Resident | undefined, version: bigint, earliest: bigint, versions: bigint): void {
    const { arrays, roots, deltas, meta } = this.#tables;
    for (const key of this.#garbage) {
      deltas.delete(key);
    }
    // Those of pruned versions stayed for the same reason.
    for (const [key] of roots.range({ lt: versionKey(earliest) })) {
      roots.delete(key);
      deltas.delete(key);
    }
    const { pages, arena } = this.#trees;
    pages.deleteUnneeded();
    if (latest !== undefined && versions <= MANY_VERSIONS) {
      this.#rewriteSparsePages(latest, earliest);
      pages.deleteUnneeded();
    }
    writeSnapshot(arrays, arena, pages.dump());
    const state = latest === undefined ? NO_STATE : 1;
    const root = latest === undefined ? new Uint8Array(0) : concatBytes(u64be(latest.root.version), latest.root.hash);
    const ref = u32be((latest?.ref ?? 0) >>> 0);
    meta.put(SNAPSHOT, concatBytes(Uint8Array.of(state), u64be(version), u64be(earliest), ref, root));
    this.#garbage = [];
    this.#changes = 0;
    this.#forced = false;
  }

  /** Reads the last snapshot; undefined when there is none. */
  load(namespace: Uint8Array): Loaded | undefined {
    const { arrays, meta } = this.#tables;
    const bytes = meta.get(SNAPSHOT);
    this.abandonParts();
    if (bytes === undefined) {
      return undefined;
    }
    const ref = readU32be(bytes, 17) | 0;
    this.#trees.pages.load(readSnapshot(arrays, this.#trees.arena, ref));
    const version = readU64be(bytes, 1);
    const earliest = readU64be(bytes, 9);
    if (bytes[0] === NO_STATE) {
      return { version, earliest, latest: undefined };
    }
    const root = { namespace, version: readU64be(bytes, 21), type: ROOT_STATE, hash: bytes.slice(29) };
    return { version, earliest, latest: new Resident(root, ref) };
  }

  /** Moves what is still needed out of pages that hold mostly leaves that are not. */
  #rewriteSparsePages(latest: Resident, earliest: bigint): void {
    const { pages, arena } = this.#trees;
    const { bytes, wasted } = pages.space;
    if (wasted < this.#leastWaste || wasted < bytes * WASTED_PART) {
      return;
    }
    const sparse = new Set(pages.sparsePages(SPARSE));
    // Differences that are kept name leaves by their place.
    for (const [, delta] of this.#tables.deltas.range({ gte: versionKey(earliest) })) {
      for (const { newPage, oldPage } of deltaEntries(delta)) {
        sparse.delete(newPage);
        sparse.delete(oldPage);
      }
    }
    for (const leaf of this.#trees.leaves(latest.ref)) {
      const page = arena.leafPage(leaf);
      if (sparse.has(page)) {
        const { key, value } = pages.read(page, arena.leafOffset(leaf));
        const offset = pages.append(key, value);
        this.#trees.place(leaf, pages.page, offset);
        pages.release(page);
      }
    }
    pages.flush();
  }
}
