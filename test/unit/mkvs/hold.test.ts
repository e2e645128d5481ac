import { describe, expect, test } from "vitest";
import { u64be, utf8 } from "#common/bytes.js";
import { MemoryDisk } from "#common/memory-disk.js";
import { checkpointChunks, createCheckpoint } from "#mkvs/checkpoint/create.js";
import { hash } from "#common/hash.js";
import { ArenaNodeDb } from "#mkvs/db/arena.js";
import { DiskNodeDb } from "#mkvs/db/disk.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import { type Root, ROOT_IO } from "#mkvs/node/root.js";
import { Tree } from "#mkvs/tree/tree.js";

const NAMESPACE = new Uint8Array(32).fill(7);
const OPTIONS = { chunkSize: 2000, threads: 0 };

const DATABASES: readonly (readonly [string, () => NodeDb])[] = [
  ["memory", () => new MemoryNodeDb(NAMESPACE)],
  ["pages", () => new DiskNodeDb({ disk: new MemoryDisk(), name: "state", namespace: NAMESPACE, cacheNodes: 10 })],
  ["an arena", () => new ArenaNodeDb({ disk: new MemoryDisk(), name: "state", namespace: NAMESPACE })],
];

/** Versions that change many keys each. */
function grow(db: NodeDb, from: Root | undefined, versions: number): { state: Root; io: Root } {
  let state = from;
  let io: Root | undefined;
  for (let i = 0; i < versions; i++) {
    const version = (state?.version ?? 0n) + 1n;
    const tree = state === undefined ? new Tree({ db }) : new Tree({ db, root: state });
    for (let j = 0; j < 200; j++) tree.insert(hash(u64be(BigInt(j + i * 37))), u64be(version));
    if (version > 3n) tree.remove(hash(u64be(version)));
    tree.commit(NAMESPACE, version);
    const inputs = new Tree({ db, type: ROOT_IO });
    for (let j = 0; j < 150; j++) inputs.insert(utf8(`input ${version} ${j}`), u64be(version));
    inputs.commit(NAMESPACE, version);
    state = tree.base as Root;
    io = inputs.base as Root;
    db.finalize([state, io]);
  }
  return { state: state as Root, io: io as Root };
}

describe.each(DATABASES)("a tree that is held, in %s,", (_, open) => {
  test.each(["state", "io"] as const)("can be read bit by bit while versions go on (%s)", (kind) => {
    const db = open();
    const { state, io } = grow(db, undefined, 3);
    const root = kind === "state" ? state : io;
    const expected = createCheckpoint(db, root, OPTIONS, () => undefined).chunks;
    expect(expected.length).toBeGreaterThan(2);
    const release = db.hold(root);
    const chunks = checkpointChunks(db, root, OPTIONS)[Symbol.iterator]();
    const read: Uint8Array[] = [];
    let latest = state;
    for (let next = chunks.next(); next.done !== true; next = chunks.next()) {
      read.push(hash(next.value));
      latest = grow(db, latest, 5).state;
      while (db.earliestVersion() < root.version) db.prune(db.earliestVersion());
    }
    expect(read).toEqual(expected);
    release();
    release();
    grow(db, latest, 12);
    expect(createCheckpoint(db, root, OPTIONS, () => undefined).chunks).toEqual(expected);
  });

  test("can be an older one that had to be made again", () => {
    const db = open();
    const first = grow(db, undefined, 2).state;
    let latest = grow(db, first, 30).state;
    const expected = createCheckpoint(db, first, OPTIONS, () => undefined).chunks;
    const release = db.hold(first);
    const chunks = checkpointChunks(db, first, OPTIONS)[Symbol.iterator]();
    const read: Uint8Array[] = [];
    for (let next = chunks.next(); next.done !== true; next = chunks.next()) {
      read.push(hash(next.value));
      latest = grow(db, latest, 5).state;
      for (let version = 3n; version < 12n; version++) {
        const other = db.rootsForVersion(version)[0] as Root;
        new Tree({ db, root: other, writeLog: false }).get(utf8("key"));
      }
    }
    release();
    expect(read).toEqual(expected);
  });
});
