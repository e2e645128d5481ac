import { expect, test } from "vitest";
import { toHex, utf8 } from "#common/bytes.js";
import { MemoryDisk } from "#common/memory-disk.js";
import type { Disk } from "#common/ports/disk.js";
import { createCheckpoint } from "#mkvs/checkpoint/create.js";
import { CheckpointRestorer } from "#mkvs/checkpoint/restorer.js";
import { ArenaNodeDb } from "#mkvs/db/arena.js";
import { DiskNodeDb } from "#mkvs/db/disk.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import { type Root, ROOT_IO, ROOT_STATE } from "#mkvs/node/root.js";
import { Tree } from "#mkvs/tree/tree.js";
import { CrashingDisk, PowerLoss } from "./support/crashing-disk.ts";
import { freshRoot, type Model, walk } from "./support/model.ts";
import { Random } from "./support/random.ts";

const NAMESPACE = new Uint8Array(32).fill(9);
const POINTS = process.env["QANAT_NIGHTLY"] === undefined ? 50 : 500;
const VERSIONS = 12n;
const KEPT = 3n;

const DATABASES: readonly (readonly [string, (disk: Disk) => NodeDb])[] = [
  ["pages", (disk) => new DiskNodeDb({ disk, name: "state", namespace: NAMESPACE })],
  ["an arena", (disk) => new ArenaNodeDb({ disk, name: "state", namespace: NAMESPACE })],
  ["an arena that is written often", (disk) => inArena(disk)],
];

function inArena(disk: Disk): NodeDb {
  return new ArenaNodeDb({ disk, name: "state", namespace: NAMESPACE, snapshotAfter: 25 });
}

/** The changes of a version depend on nothing but its number. */
function applyVersion(version: bigint, tree: { insert: Tree["insert"]; remove: Tree["remove"] }): void {
  const random = new Random(Number(version) * 7919 + 5);
  for (let i = 0; i < 12; i++) {
    const key = random.key();
    if (random.below(4) === 0) tree.remove(key);
    else tree.insert(key, random.bytes(random.below(40)));
  }
}

const models = new Map<bigint, Model>();

/** What a version holds: made without any database. */
function modelAt(version: bigint): Model {
  const known = models.get(version);
  if (known !== undefined) return known;
  const model: Model = new Map();
  for (let v = 1n; v <= version; v++) {
    applyVersion(v, {
      insert: (key, value) => model.set(toHex(key), toHex(value)),
      remove: (key) => model.delete(toHex(key)),
    });
  }
  models.set(version, model);
  return model;
}

function stateRoot(db: NodeDb, version: bigint): Root {
  const roots = db.rootsForVersion(version).filter(({ type }) => type === ROOT_STATE);
  expect(roots).toHaveLength(1);
  return roots[0] as Root;
}

/** Goes on from where the database is to the last version, with a candidate that loses and an I/O tree each time. */
function work(db: NodeDb): void {
  const latest = db.latestVersion();
  const tree = new Tree(latest === undefined ? { db } : { db, root: stateRoot(db, latest) });
  for (let version = (latest ?? 0n) + 1n; version <= VERSIONS; version++) {
    const loser = tree.fork();
    loser.insert(utf8("lost"), utf8(`${version}`));
    loser.commit(NAMESPACE, version);
    const io = new Tree({ db, type: ROOT_IO });
    io.insert(utf8("in"), utf8(`${version}`));
    io.commit(NAMESPACE, version);
    applyVersion(version, tree);
    tree.commit(NAMESPACE, version);
    db.finalize([tree.base as Root, io.base as Root]);
    if (version - db.earliestVersion() >= KEPT) db.prune(db.earliestVersion());
  }
  db.close();
}

/** Every version that is there is whole. Returns the latest. */
function expectWhole(db: NodeDb, label: string): bigint {
  const latest = db.latestVersion() ?? 0n;
  for (let version = latest; version > 0n && version >= db.earliestVersion(); version--) {
    const root = stateRoot(db, version);
    const model = modelAt(version);
    expect(toHex(root.hash), label).toBe(freshRoot(model));
    expect(new Map(walk(new Tree({ db, root }), new Uint8Array(0))), label).toEqual(model);
  }
  return latest;
}

test.each(DATABASES)("a power loss at any write leaves the old or the new version: %s", (_, open) => {
  const whole = new CrashingDisk(new MemoryDisk(), Number.POSITIVE_INFINITY);
  work(open(whole));
  const random = new Random();
  for (let point = 0; point < POINTS; point++) {
    const at = random.below(whole.writes);
    const label = `${random.label}, write ${at} of ${whole.writes}`;
    const memory = new MemoryDisk();
    const disk = new CrashingDisk(memory, at);
    let finished = 0n;
    try {
      const db = open(disk);
      const finalize = db.finalize.bind(db);
      db.finalize = (roots) => {
        finalize(roots);
        finished = roots[0]!.version;
      };
      work(db);
    } catch (error) {
      expect(error, label).toBeInstanceOf(PowerLoss);
    }
    const after = open(memory);
    const latest = expectWhole(after, label);
    expect(latest === finished || latest === finished + 1n, `${label}: ${latest} after ${finished}`).toBe(true);
    work(after);
    expect(expectWhole(open(memory), label)).toBe(VERSIONS);
  }
});

test("a power loss while a checkpoint is restored leaves nothing of it, and it can be restored again", () => {
  const source = inArena(new MemoryDisk());
  work(source);
  const root = stateRoot(source, VERSIONS);
  const chunks: Uint8Array[] = [];
  const metadata = createCheckpoint(source, root, { chunkSize: 200, threads: 0 }, (_, chunk) => chunks.push(chunk));
  const restore = (db: NodeDb): void => {
    const restorer = new CheckpointRestorer(db);
    db.startMultipart(root.version);
    restorer.start(metadata);
    chunks.forEach((chunk, i) => restorer.restoreChunk(i, chunk));
    db.finalize([root]);
  };
  const whole = new CrashingDisk(new MemoryDisk(), Number.POSITIVE_INFINITY);
  restore(inArena(whole));
  for (let at = 0; at < whole.writes; at++) {
    const memory = new MemoryDisk();
    try {
      restore(inArena(new CrashingDisk(memory, at)));
    } catch (error) {
      expect(error).toBeInstanceOf(PowerLoss);
    }
    const after = inArena(memory);
    expect([undefined, VERSIONS]).toContain(after.latestVersion());
    if (after.latestVersion() === undefined) {
      expect([...memory.openTable("state/leaves").range()]).toEqual([]);
      restore(after);
    }
    expect(new Map(walk(new Tree({ db: after, root }), new Uint8Array(0)))).toEqual(modelAt(VERSIONS));
  }
});
