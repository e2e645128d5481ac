import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { toHex, utf8 } from "#common/bytes.js";
import { CodedError, Fault } from "#common/errors/index.js";
import { EMPTY_HASH } from "#common/hash.js";
import { MemoryDisk } from "#common/memory-disk.js";
import type { Disk } from "#common/ports/disk.js";
import { ArenaNodeDb } from "#mkvs/db/arena.js";
import { DiskNodeDb } from "#mkvs/db/disk.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import { nodeDbErrors } from "#mkvs/errors.js";
import { type Root, ROOT_IO, ROOT_STATE } from "#mkvs/node/root.js";
import { Tree } from "#mkvs/tree/tree.js";
import { openFileDisk } from "#platform/disk-file.js";
import { openLmdbDisk } from "#platform/disk-lmdb.js";
import { change, entriesOf, expectModel, type Model, walk } from "./support/model.ts";
import { Random } from "./support/random.ts";

const NAMESPACE = new Uint8Array(32).fill(7);
const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function lmdb(): Disk {
  const path = mkdtempSync(join(tmpdir(), "qanat-node-db-"));
  folders.push(path);
  return openLmdbDisk({ path, durable: false });
}

function file(): Disk {
  const path = mkdtempSync(join(tmpdir(), "qanat-node-db-"));
  folders.push(path);
  return openFileDisk({ path, durable: false, rewriteFrom: 10_000 });
}

function onDisk(disk: Disk, cacheNodes?: number): NodeDb {
  return new DiskNodeDb({ disk, name: "state", namespace: NAMESPACE, cacheNodes });
}

function inArena(disk: Disk, snapshotAfter?: number, rewriteFrom?: number): NodeDb {
  return new ArenaNodeDb({ disk, name: "state", namespace: NAMESPACE, snapshotAfter, rewriteFrom });
}

const IMPLEMENTATIONS: readonly (readonly [name: string, open: () => NodeDb])[] = [
  ["memory", () => new MemoryNodeDb(NAMESPACE)],
  ["a disk in memory", () => onDisk(new MemoryDisk())],
  ["a disk in memory with hardly any cache", () => onDisk(new MemoryDisk(), 4)],
  ["LMDB", () => onDisk(lmdb())],
  ["an arena on a disk in memory", () => inArena(new MemoryDisk())],
  ["an arena on a disk in memory that is written after every change", () => inArena(new MemoryDisk(), 1, 0)],
  ["an arena on LMDB", () => inArena(lmdb(), 20)],
  ["an arena on a file", () => inArena(file(), 20)],
  ["pages on a file", () => onDisk(file())],
];

function put(tree: Tree, entries: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(entries)) tree.insert(utf8(key), utf8(value));
}

function commit(tree: Tree, version: bigint): Root {
  tree.commit(NAMESPACE, version);
  return tree.base as Root;
}

function expectCode(action: () => unknown, error: { is(e: unknown): boolean }): void {
  let thrown: unknown;
  try {
    action();
  } catch (caught) {
    thrown = caught;
  }
  expect(thrown).toBeInstanceOf(CodedError);
  expect(error.is(thrown), String(thrown)).toBe(true);
}

function emptyRoot(version: bigint, type: number = ROOT_STATE): Root {
  return { namespace: NAMESPACE, version, type, hash: EMPTY_HASH };
}

describe.each(IMPLEMENTATIONS)("a node database on %s", (_, open) => {
  test("has no version at first and only the empty root", () => {
    const db = open();
    expect([db.latestVersion(), db.earliestVersion(), db.rootsForVersion(0n)]).toEqual([undefined, 0n, []]);
    expect(db.hasRoot(emptyRoot(5n))).toBe(true);
    expect(db.hasRoot({ ...emptyRoot(5n), hash: NAMESPACE })).toBe(false);
    expect(db.hasRoot({ ...emptyRoot(5n), namespace: new Uint8Array(32) })).toBe(false);
  });

  test("keeps every finalised version readable until it is pruned, whatever happens to its successors", () => {
    const db = open();
    const random = new Random();
    const tree = new Tree({ db });
    const model: Model = new Map();
    const kept: [Root, Model][] = [];
    for (let version = 10n; version < 60n; version++) {
      // A candidate that is not chosen must leave no trace, whether it shares changed nodes or not.
      const losers = [{ fork: tree.fork(), content: new Map(model) }];
      for (let i = 0; i < 6; i++) change(random, tree, model);
      if (random.below(2) === 0) tree.rootHash();
      losers.push({ fork: tree.fork(), content: new Map(model) });
      for (const { fork, content } of losers) for (let i = 0; i < 4; i++) change(random, fork, content);
      const forks = losers.map(({ fork }) => fork);
      const order = random.below(2) === 0 ? [...forks, tree] : [tree, ...forks];
      for (const candidate of order) commit(candidate, version);
      db.finalize([tree.base as Root]);
      kept.push([tree.base as Root, new Map(model)]);
      if (kept.length > 5) {
        const [old] = kept.shift()!;
        db.prune(old.version);
        if (toHex(old.hash) !== toHex(EMPTY_HASH)) {
          expectCode(() => new Tree({ db, root: old }), nodeDbErrors.nodeNotFound);
        }
      }
      for (const [root, expected] of kept) expectModel(random, new Tree({ db, root }), expected);
    }
    expect([db.earliestVersion(), db.latestVersion()]).toEqual([55n, 59n]);
  });

  test("lists candidates of a version and drops those that are not finalised", () => {
    const db = open();
    const a = new Tree({ db });
    const b = new Tree({ db });
    const io = new Tree({ db, type: ROOT_IO });
    put(a, { key: "a" });
    put(b, { key: "b" });
    put(io, { in: "put" });
    const roots = [commit(a, 1n), commit(b, 1n), commit(io, 1n)];
    expect(db.rootsForVersion(1n)).toHaveLength(3);
    for (const root of roots) expect(db.hasRoot(root)).toBe(true);
    db.finalize([roots[0]!, roots[2]!]);
    expect(roots.map((root) => db.hasRoot(root))).toEqual([true, false, true]);
    expectCode(() => new Tree({ db, root: roots[1]! }), nodeDbErrors.rootNotFound);
    expect(walk(new Tree({ db, root: roots[2]! }), new Uint8Array(0))).toHaveLength(1);
  });

  test("finalises versions one after the other, once, and only committed roots", () => {
    const db = open();
    const tree = new Tree({ db });
    put(tree, { key: "1" });
    const first = commit(tree, 5n);
    expectCode(() => db.finalize([{ ...first, hash: NAMESPACE }]), nodeDbErrors.rootNotFound);
    expect(() => db.finalize([])).toThrow("at least one root");
    expect(() => db.finalize([first, first])).toThrow("more than one root of type");
    db.finalize([first]);
    expectCode(() => db.finalize([first]), nodeDbErrors.alreadyFinalized);
    put(tree, { key: "2" });
    const second = commit(tree, 6n);
    put(tree, { key: "3" });
    const third = commit(tree, 7n);
    expectCode(() => db.finalize([third]), nodeDbErrors.notFinalized);
    db.finalize([second]);
    db.finalize([third]);
    expectCode(() => commit(new Tree({ db }), 7n), nodeDbErrors.alreadyFinalized);
  });

  test("does not finalise a root whose base lost its own version", () => {
    const db = open();
    const winner = new Tree({ db });
    const loser = new Tree({ db });
    put(winner, { key: "winner" });
    put(loser, { key: "loser" });
    commit(winner, 1n);
    commit(loser, 1n);
    put(loser, { more: "lost" });
    const orphan = commit(loser, 2n);
    db.finalize([winner.base as Root]);
    expectCode(() => db.finalize([orphan]), nodeDbErrors.rootNotFound);
    put(winner, { more: "won" });
    db.finalize([commit(winner, 2n)]);
    expect(db.hasRoot(orphan)).toBe(false);
  });

  test("takes only roots that follow their base and belong to its namespace", () => {
    const db = open();
    const tree = new Tree({ db });
    put(tree, { key: "1" });
    const root = commit(tree, 3n);
    put(tree, { key: "2" });
    expectCode(() => tree.commit(NAMESPACE, 5n), nodeDbErrors.rootMustFollowOld);
    expectCode(() => tree.commit(NAMESPACE, 3n), nodeDbErrors.rootMustFollowOld);
    expectCode(() => tree.commit(new Uint8Array(32), 4n), nodeDbErrors.badNamespace);
    const io = new Tree({ db, type: ROOT_IO });
    put(io, { in: "put" });
    commit(io, 3n);
    put(io, { out: "put" });
    expectCode(() => io.commit(NAMESPACE, 4n), nodeDbErrors.rootMustFollowOld);
    expectCode(() => new Tree({ db, root: { ...root, version: 4n } }), nodeDbErrors.rootNotFound);
    expect(() => new Tree({ db }).commit(NAMESPACE, 1n << 60n)).toThrow("limit of 2^48");
  });

  test("commits a root that is there already without doing anything, and goes on from it", () => {
    const db = open();
    const one = new Tree({ db });
    const two = new Tree({ db });
    put(one, { key: "1", other: "2" });
    put(two, { other: "2", key: "1" });
    const root = commit(one, 1n);
    expect(commit(two, 1n)).toEqual(root);
    expect(db.rootsForVersion(1n)).toEqual([root]);
    db.finalize([root]);
    put(two, { third: "3" });
    db.finalize([commit(two, 2n)]);
    db.prune(1n);
    expect(entriesOf(new Map(walk(two, new Uint8Array(0))))).toHaveLength(3);
    expect(walk(new Tree({ db, root: two.base! }), new Uint8Array(0))).toHaveLength(3);
  });

  test("gives the write log between a root and the one made from it", () => {
    const db = open();
    const tree = new Tree({ db });
    put(tree, { a: "1", b: "2" });
    const first = commit(tree, 1n);
    db.finalize([first]);
    put(tree, { c: "3", a: "1" });
    tree.remove(utf8("b"));
    const second = commit(tree, 2n);
    db.finalize([second]);
    tree.remove(utf8("a"));
    tree.remove(utf8("c"));
    const empty = commit(tree, 3n);
    db.finalize([empty]);
    const log = (entries: readonly (readonly [string, string | null])[]) =>
      entries.map(([key, value]) => [utf8(key), value === null ? null : utf8(value)]);
    expect(db.getWriteLog(emptyRoot(1n), first)).toEqual(
      log([
        ["a", "1"],
        ["b", "2"],
      ]),
    );
    expect(db.getWriteLog(first, second)).toEqual(
      log([
        ["a", "1"],
        ["b", null],
        ["c", "3"],
      ]),
    );
    expect(db.getWriteLog(second, empty)).toEqual(
      log([
        ["a", null],
        ["c", null],
      ]),
    );
    expectCode(() => db.getWriteLog(first, empty), nodeDbErrors.rootMustFollowOld);
    expectCode(() => db.getWriteLog(emptyRoot(1n), second), nodeDbErrors.writeLogNotFound);
    db.prune(1n);
    expectCode(() => db.getWriteLog(emptyRoot(1n), first), nodeDbErrors.writeLogNotFound);
    expect(db.getWriteLog(first, second)).toHaveLength(3);
    const unlogged = new Tree({ db, root: empty, writeLog: false });
    put(unlogged, { d: "4" });
    expectCode(() => db.getWriteLog(empty, commit(unlogged, 4n)), nodeDbErrors.writeLogNotFound);
  });

  test("prunes the earliest version only, and never the latest", () => {
    const db = open();
    expectCode(() => db.prune(0n), nodeDbErrors.notFinalized);
    const tree = new Tree({ db });
    for (let version = 1n; version <= 3n; version++) {
      put(tree, { [`key ${version}`]: "v" });
      db.finalize([commit(tree, version)]);
    }
    expectCode(() => db.prune(2n), nodeDbErrors.notEarliest);
    db.prune(1n);
    expect([db.rootsForVersion(1n), db.earliestVersion()]).toEqual([[], 2n]);
    db.prune(2n);
    expectCode(() => db.prune(3n), nodeDbErrors.cannotPruneLatest);
    expect(walk(tree, new Uint8Array(0))).toHaveLength(3);
  });
});

describe("a node database in an arena", () => {
  test("is not brought down by keys that make its trees very deep", () => {
    const db = inArena(new MemoryDisk(), 100);
    const tree = new Tree({ db });
    const expected = new Tree();
    const depth = 3000;
    for (let length = 0; length < depth; length++) {
      for (const each of [tree, expected]) each.insert(new Uint8Array(length), utf8(`${length}`));
    }
    expect(toHex(commit(tree, 1n).hash)).toBe(toHex(expected.rootHash()));
    db.finalize([tree.base as Root]);
    for (const each of [tree, expected]) {
      each.remove(new Uint8Array(7));
      each.insert(new Uint8Array(depth).fill(0x80, depth - 1), utf8("last"));
    }
    expect(toHex(commit(tree, 2n).hash)).toBe(toHex(expected.rootHash()));
    expect(walk(tree, new Uint8Array(depth - 2)).map(([, value]) => value)).toEqual([
      toHex(utf8(`${depth - 2}`)),
      toHex(utf8(`${depth - 1}`)),
      toHex(utf8("last")),
    ]);
  });

  test("makes versions again that have long left its memory, and candidates after it was opened again", () => {
    const disk = new MemoryDisk();
    let db = inArena(disk, 60);
    let tree = new Tree({ db });
    const random = new Random();
    const model: Model = new Map();
    const kept: [Root, Model][] = [];
    for (let version = 1n; version <= 60n; version++) {
      for (let i = 0; i < 5; i++) change(random, tree, model);
      const root = commit(tree, version);
      if (version % 7n === 0n) {
        db = inArena(disk, 60);
        expect(db.hasRoot(root), random.label).toBe(true);
        tree = new Tree({ db, root });
      }
      db.finalize([root]);
      kept.push([root, new Map(model)]);
      const [old, expected] = random.pick(kept);
      expectModel(random, new Tree({ db, root: old }), expected);
    }
    const readers = kept.map(([root, expected]) => [new Tree({ db, root }), expected] as const);
    for (const [reader, expected] of readers) expectModel(random, reader, expected);
    expectCode(
      () => new Tree({ db: inArena(disk), root: { ...kept[0]![0], hash: NAMESPACE } }),
      nodeDbErrors.rootNotFound,
    );
  });

  test("rewrites pages of which little is needed", () => {
    const sizes = [0, 1 << 30].map((rewriteFrom) => {
      const disk = new MemoryDisk();
      const db = inArena(disk, 500, rewriteFrom);
      const tree = new Tree({ db });
      for (let i = 0; i < 2000; i++) tree.insert(utf8(`key ${i}`), new Uint8Array(100));
      // A tenth of the keys is never written again: the pages that these share with others stay until they are rewritten.
      for (let version = 1n; version <= 60n; version++) {
        for (let i = 0; i < 2000; i += 10) {
          tree.insert(utf8(`key ${i + 1 + (Number(version) % 9)}`), new Uint8Array(100).fill(Number(version)));
        }
        db.finalize([commit(tree, version)]);
        if (version - db.earliestVersion() >= 2n) db.prune(db.earliestVersion());
      }
      expect(walk(new Tree({ db: inArena(disk), root: tree.base! }), new Uint8Array(0))).toHaveLength(2000);
      return [...disk.openTable("state/leaves").range()].reduce((sum, [, page]) => sum + page.length, 0);
    });
    expect(sizes[0]!).toBeLessThan(0.8 * sizes[1]!);
  });
});

describe("a node database on a disk", () => {
  const count = (disk: Disk, table: string): number => [...disk.openTable(`state/${table}`).range()].length;

  test("goes on after reopening where it was, candidates included", () => {
    const disk = new MemoryDisk();
    const before = onDisk(disk);
    const tree = new Tree({ db: before });
    put(tree, { key: "1", kept: "yes" });
    before.finalize([commit(tree, 8n)]);
    put(tree, { key: "2" });
    const candidate = commit(tree, 9n);
    const after = onDisk(disk);
    expect([after.earliestVersion(), after.latestVersion()]).toEqual([8n, 8n]);
    expect(after.hasRoot(candidate)).toBe(true);
    after.finalize([candidate]);
    const again = new Tree({ db: after, root: candidate });
    expect(again.get(utf8("key"))).toEqual(utf8("2"));
    expect(again.get(utf8("kept"))).toEqual(utf8("yes"));
  });

  test("leaves nothing behind of versions and candidates that are gone", () => {
    const disk = new MemoryDisk();
    const db = onDisk(disk);
    const random = new Random();
    const tree = new Tree({ db });
    const model: Model = new Map();
    let version = 1n;
    for (; version <= 40n; version++) {
      const loser = tree.fork();
      const lost = new Map(model);
      const io = new Tree({ db, type: ROOT_IO });
      put(io, { [`in ${version}`]: "put", other: "x" });
      for (let i = 0; i < 8; i++) change(random, tree, model);
      for (let i = 0; i < 8; i++) change(random, loser, lost);
      commit(loser, version);
      db.finalize([commit(tree, version), commit(io, version)]);
      if (version > 3n) db.prune(version - 3n);
    }
    // The state ends here: later versions have I/O roots only, so that even the last state tree is given up.
    for (; version <= 45n; version++) {
      const io = new Tree({ db, type: ROOT_IO });
      put(io, { last: `${version}` });
      db.finalize([commit(io, version)]);
      db.prune(db.earliestVersion());
    }
    while (db.earliestVersion() < 45n) db.prune(db.earliestVersion());
    expect([count(disk, "roots"), count(disk, "logs"), count(disk, "retired"), count(disk, "unused")]).toEqual([
      1, 1, 0, 0,
    ]);
    expect(count(disk, "pages"), random.label).toBe(1);
  });

  test("takes part in a batch of its disk: all of it happens or nothing", () => {
    const disk = new MemoryDisk();
    const table = disk.openTable("blocks");
    const tree = new Tree({ db: onDisk(disk) });
    put(tree, { key: "1" });
    const stop = new Fault("power is gone");
    const failing = (): void =>
      disk.batch(() => {
        table.put(utf8("height"), utf8("1"));
        commit(tree, 1n);
        throw stop;
      });
    expect(failing).toThrow(stop);
    const db = onDisk(disk);
    expect([table.get(utf8("height")), db.rootsForVersion(1n), count(disk, "pages")]).toEqual([undefined, [], 0]);
  });

  test("is refused for another namespace than it was made for", () => {
    const disk = new MemoryDisk();
    onDisk(disk);
    expect(() => new DiskNodeDb({ disk, name: "state", namespace: new Uint8Array(32) })).toThrow(Fault);
  });

  test("reports a lost page as trouble of this machine, never as an absent key", () => {
    const disk = new MemoryDisk();
    const tree = new Tree({ db: onDisk(disk) });
    for (let i = 0; i < 200; i++) put(tree, { [`key ${i}`]: "value" });
    const root = commit(tree, 1n);
    const pages = disk.openTable("state/pages");
    for (const [key] of pages.range({ limit: 3 })) pages.delete(key);
    const damaged = new Tree({ db: onDisk(disk), root });
    expect(() => walk(damaged, new Uint8Array(0))).toThrow(Fault);
  });
});
