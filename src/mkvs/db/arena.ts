/**
 * The node database whose nodes lie in memory, in arrays, and whose leaves lie on a disk. A commit writes its new leaves
 * and a difference: which leaf each changed key had and has. The arrays are written from time to time; opening the database
 * reads them and repeats the differences since. Older versions are made again from the latest by going back.
 */
import { equalBytes } from "#common/bytes.js";
import { Fault } from "#common/errors/index.js";
import type { Disk } from "#common/ports/disk.js";
import { type Applied, applyChanges, type Changes } from "../arena/batch-apply.js";
import { ArenaTrees } from "../arena/arena-tree.js";
import { type ArenaHost, ArenaWorkingTree } from "../arena/arena-working.js";
import { type DeltaEntry, deltaRecord, dropsLeaf, putsLeaf } from "../arena/delta.js";
import { LeafPages } from "../arena/leaf-pages.js";
import { type Prepared, Resident, Residents } from "../arena/residents.js";
import { nodeDbErrors } from "../errors.js";
import type { Child, Node, Stub } from "../node/node.js";
import { isEmptyRoot, type Root, ROOT_STATE } from "../node/root.js";
import type { NodeReader } from "../tree/node-reader.js";
import type { WorkingTree } from "../tree/working.js";
import type { LogEntry, WriteLog } from "../write-log.js";
import { ArenaKeeper, type KeeperOptions } from "./arena-keeper.js";
import { ArenaMultipart } from "./arena-multipart.js";
import { type ArenaRecord, ArenaRecords, isMadeFrom } from "./arena-records.js";
import { backwardChanges, forwardChanges, type PlacedChanges } from "./arena-replay.js";
import { emptied, type Multipart, sameRoot } from "./multipart.js";
import { rootKey } from "./records.js";
import { VersionTable } from "./version-table.js";
import { VersionedNodeDb } from "./versioned.js";

/** Versions after which candidates and I/O trees leave memory. */
const LOOSE_VERSIONS = 4n;

export interface ArenaNodeDbOptions extends KeeperOptions {
  readonly disk: Disk;
  /** Prefix of the names of its tables, so that several databases can share a disk. */
  readonly name: string;
  /** 32 bytes; a database that was made for another one is refused. */
  readonly namespace: Uint8Array;
}

/** A commit on its way. */
interface ArenaCommit {
  readonly base: Root;
  readonly root: Root;
  readonly prepared: Prepared;
  readonly logged: boolean;
}

/**
 * A commit or finalisation within a `disk.batch` of the caller is part of that batch. Should such a batch fail, the
 * objects in memory are ahead of the disk: discard the database object and open it again.
 */
export class ArenaNodeDb extends VersionedNodeDb<ArenaRecord, ArenaCommit> implements ArenaHost {
  readonly trees: ArenaTrees;
  readonly #disk: Disk;
  readonly #records: ArenaRecords;
  readonly #versions: VersionTable;
  readonly #residents: Residents;
  readonly #keeper: ArenaKeeper;

  /** @throws Fault when the tables belong to another namespace or are damaged */
  constructor(options: ArenaNodeDbOptions) {
    super(options.namespace);
    const { disk, name } = options;
    this.#disk = disk;
    const roots = disk.openTable(`${name}/roots`);
    const deltas = disk.openTable(`${name}/deltas`);
    this.#records = new ArenaRecords(options.namespace, roots, deltas);
    const meta = disk.openTable(`${name}/meta`);
    this.trees = new ArenaTrees(new LeafPages(disk.openTable(`${name}/leaves`)));
    this.#residents = new Residents(this.trees);
    const arrays = disk.openTable(`${name}/arena`);
    const tables = { arrays, roots, deltas, meta };
    this.#keeper = new ArenaKeeper(tables, this.trees, options);
    this.#versions = new VersionTable(meta, name, options.namespace);
    this.latest = this.#versions.latest;
    this.earliest = this.#versions.earliest;
    this.#load();
  }

  get generation(): number {
    return this.#residents.generation;
  }

  resolve(stub: Stub): Node {
    return this.trees.node(stub.index);
  }

  close(): void {
    if (this.#keeper.worthSnapshot) {
      this.#disk.batch(() => this.#snapshot());
    }
  }

  openTree(root: Root | undefined, logged: boolean): WorkingTree {
    if (root !== undefined) {
      this.loadRoot(root);
    }
    return new ArenaWorkingTree(this, root, logged);
  }

  openReader(root: Root): NodeReader<unknown> {
    this.loadRoot(root);
    return this.trees.reader(this.#ref(root)) as NodeReader<unknown>;
  }

  override hold(root: Root): () => void {
    const resident = this.resident(root);
    let held = true;
    resident.holds++;
    return () => {
      resident.holds -= held ? 1 : 0;
      held = false;
    };
  }

  resident(root: Root): Resident {
    const same = (other: Root): boolean => sameRoot(other, root);
    const found = this.#residents.find(same);
    if (found !== undefined) {
      return found;
    }
    if (isEmptyRoot(root)) {
      return new Resident(root, 0);
    }
    if (root.version < this.earliest) {
      throw nodeDbErrors.nodeNotFound(`version ${root.version} has been pruned`);
    }
    const record = this.record(root);
    if (record === undefined) {
      throw nodeDbErrors.rootNotFound(`version ${root.version}`);
    }
    const final = this.latest !== undefined && root.version <= this.latest && root.type === ROOT_STATE;
    return (final ? this.#goBack(root) : undefined) ?? this.#goForward(record);
  }

  prepare(base: Resident | undefined, changes: Changes): Prepared {
    const { keys, values } = changes;
    const applied = applyChanges(this.trees.arena, base?.ref ?? 0, changes, this.trees.lendKey, (ref, i) => {
      this.trees.hold(ref, { key: keys[i] as Uint8Array, value: values[i] as Uint8Array });
    });
    const from = base?.ref === 0 ? undefined : base;
    const prepared: Prepared = { base: from, keys, values, applied, alive: true };
    this.#residents.addPrepared(prepared);
    return prepared;
  }

  dropPrepared(prepared: Prepared): void {
    this.#residents.dropPrepared(prepared);
  }

  commitPrepared(base: Root, root: Root, prepared: Prepared, logged: boolean): void {
    this.commit({ base, root, prepared, logged });
    this.#residents.dropPrepared(prepared);
  }

  protected override newMultipart(version: bigint): Multipart {
    this.#keeper.beginParts();
    return new ArenaMultipart(version, this.trees, this.#disk, () => this.#keeper.abandonParts());
  }

  protected storeRestored(root: Root, multipart: Multipart): void {
    const base = emptied(root);
    const { ref, refs } = (multipart as ArenaMultipart).take(root);
    const record: ArenaRecord = { root, base, logged: false };
    this.#records.put(record);
    this.#keeper.endParts();
    if (root.type === ROOT_STATE) {
      this.#residents.addLoose(new Resident(root, ref, undefined, refs));
      this.#keeper.forceSnapshot();
    } else {
      // Nothing but its difference tells what an I/O tree holds.
      const leaves = Int32Array.from(this.trees.leaves(ref));
      const keys = Array.from(leaves, this.trees.keyOf);
      this.#records.putDelta(root, deltaRecord(this.trees.arena, keys, new Int32Array(keys.length), leaves));
      this.#residents.addLoose(new Resident(root, ref, undefined, refs));
    }
  }

  protected record(root: Root): ArenaRecord | undefined {
    return this.#records.one(root);
  }

  protected records(version: bigint): ArenaRecord[] {
    return this.#records.of(version, this.latest === undefined || version >= this.latest);
  }

  protected open(record: ArenaRecord): Child {
    return this.trees.stub(this.resident(record.root).ref);
  }

  protected store({ base, root, prepared, logged }: ArenaCommit): Child {
    const { trees } = this;
    const { keys, values, applied } = prepared;
    const { oldLeaves, newLeaves } = applied;
    for (let i = 0; i < keys.length; i++) {
      const leaf = newLeaves[i] as number;
      if (leaf !== 0 && leaf !== oldLeaves[i]) {
        const offset = trees.pages.append(keys[i] as Uint8Array, values[i] as Uint8Array);
        trees.place(leaf, trees.pages.page, offset);
        trees.pending.delete(-leaf);
      }
    }
    trees.pages.flush();
    this.#residents.takePrepared(prepared);
    this.#records.putDelta(root, deltaRecord(trees.arena, keys, oldLeaves, newLeaves));
    this.#records.put({ root, base, logged });
    this.#residents.addLoose(new Resident(root, applied.ref, prepared.base, applied.born, applied.retired));
    this.#keeper.changed(keys.length);
    return undefined;
  }

  protected drop(record: ArenaRecord): void {
    for (const entry of this.#records.delta(record.root)) {
      if (putsLeaf(entry)) {
        this.trees.pages.release(entry.newPage);
      }
    }
    this.#residents.evictLoose(({ root }) => sameRoot(root, record.root));
    this.#records.delete(record.root);
    this.#keeper.garbage(rootKey(record.root));
  }

  protected forget(record: ArenaRecord, next: ArenaRecord | undefined): void {
    this.#release(record, next);
  }

  protected storedWriteLog(record: ArenaRecord): WriteLog | undefined {
    if (!record.logged) {
      return undefined;
    }
    const log: LogEntry[] = [];
    for (const { key, newPage, newOffset } of this.#records.delta(record.root)) {
      if (key !== undefined) {
        log.push([key, null]);
      } else {
        const leaf = this.trees.pages.read(newPage, newOffset);
        log.push([leaf.key, leaf.value]);
      }
    }
    return log;
  }

  /** Called at the end of each finalisation and pruning, within its batch. */
  protected saveVersions(): void {
    const { latest } = this;
    if (latest === undefined) {
      return;
    }
    this.#versions.save(latest, this.earliest);
    const record = this.records(latest).find(({ root }) => root.type === ROOT_STATE && !isEmptyRoot(root));
    if (record !== undefined && !this.#isLatest(record.root)) {
      this.#residents.makeFinal(this.resident(record.root));
    }
    this.#residents.evictBefore(this.earliest);
    this.#residents.evictLoose(({ root }) => root.version + LOOSE_VERSIONS < latest);
    if (this.#keeper.due) {
      this.#snapshot();
    }
  }

  protected atomically<T>(body: () => T): T {
    return this.#disk.batch(body);
  }

  /** Takes account of the leaves that a pruned version alone had. */
  #release(record: ArenaRecord, next: ArenaRecord | undefined): void {
    const { pages } = this.trees;
    if (next !== undefined) {
      for (const entry of this.#records.delta(next.root)) {
        if (dropsLeaf(entry)) {
          pages.release(entry.oldPage);
        }
      }
    } else if (record.root.type === ROOT_STATE && !isEmptyRoot(record.root)) {
      this.#releaseTree(record.root);
    } else {
      for (const entry of this.#records.delta(record.root)) {
        if (putsLeaf(entry)) {
          pages.release(entry.newPage);
        }
      }
    }
  }

  /** A state that nothing was made from: all of its leaves go, and what is written next must not need them. */
  #releaseTree(root: Root): void {
    const { arena, pages } = this.trees;
    for (const leaf of this.trees.leaves(this.#ref(root))) {
      pages.release(arena.leafPage(leaf));
    }
    if (this.#isLatest(root)) {
      this.#residents.evictAll();
    }
    this.#keeper.forceSnapshot();
  }

  #isLatest(root: Root): boolean {
    return this.#residents.latest !== undefined && sameRoot(this.#residents.latest.root, root);
  }

  #ref(root: Root): number {
    return this.resident(root).ref;
  }

  #snapshot(): void {
    const latest = this.#residents.latest;
    const needed = (this.latest ?? 0n) - this.earliest;
    this.#keeper.snapshot(latest, this.latest ?? 0n, this.earliest, needed);
  }

  /** Reads the last snapshot and repeats what came after it. */
  #load(): void {
    const from = this.#keeper.load(this.namespace);
    if (from === undefined) {
      this.trees.pages.load(undefined);
    } else if (from.latest !== undefined) {
      this.#residents.makeFinal(from.latest);
    }
    if (this.latest === undefined) {
      return;
    }
    const first = from === undefined ? (this.#records.firstVersion() ?? this.earliest) : from.version + 1n;
    for (let version = first; version <= this.latest; version++) {
      const record = this.records(version).find(({ root }) => root.type === ROOT_STATE && !isEmptyRoot(root));
      if (record !== undefined) {
        this.#residents.makeFinal(this.#goForward(record));
      }
    }
    this.#releaseDropped(first);
    for (let version = from?.earliest ?? first; version < this.earliest; version++) {
      const successors = this.records(version + 1n);
      for (const record of this.records(version)) {
        this.#release(record, successors.find(isMadeFrom(record)));
      }
    }
    this.#records.clear();
  }

  /** Differences without a root are those of candidates that were not chosen. */
  #releaseDropped(from: bigint): void {
    for (const [key, delta] of this.#records.dropped(from)) {
      for (const entry of delta) {
        if (putsLeaf(entry)) {
          this.trees.pages.release(entry.newPage);
        }
      }
      this.#keeper.garbage(key);
    }
  }

  /** Makes a tree out of the one that it was made from. */
  #goForward(record: ArenaRecord): Resident {
    const { base, root } = record;
    const from = isEmptyRoot(base) ? undefined : this.resident(base);
    const applied = this.#apply(from, forwardChanges(this.trees.pages, this.#records.delta(root)));
    const resident = new Resident(root, applied.ref, from, applied.born, applied.retired);
    this.#checkHash(resident);
    this.#residents.addLoose(resident);
    return resident;
  }

  /** Makes an older final tree out of the latest one; undefined when that was not made from it. */
  #goBack(root: Root): Resident | undefined {
    const latest = this.#residents.latest;
    if (latest === undefined) {
      return undefined;
    }
    const chain: Iterable<DeltaEntry>[] = [];
    let at = latest.root;
    while (at.version > root.version && !isEmptyRoot(at)) {
      chain.push(this.#records.delta(at));
      at = this.record(at)?.base ?? emptied(at);
    }
    if (!sameRoot(at, root)) {
      return undefined;
    }
    const applied = this.#apply(latest, backwardChanges(this.trees.pages, chain.reverse()));
    const resident = new Resident(root, applied.ref, latest, applied.born);
    this.#checkHash(resident);
    this.#residents.addRebuilt(resident);
    return resident;
  }

  #apply(from: Resident | undefined, changes: PlacedChanges): Applied {
    return applyChanges(this.trees.arena, from?.ref ?? 0, changes, this.trees.lendKey, (ref, i) => {
      this.trees.place(ref, changes.pages[i] as number, changes.offsets[i] as number);
    });
  }

  #checkHash({ root, ref }: Resident): void {
    if (!equalBytes(this.trees.arena.hash(ref), root.hash)) {
      throw new Fault(`mkvs: version ${root.version} as it is on the disk has another root than it was committed with`);
    }
  }
}
