import { describe, expect, test } from "vitest";
import { concatBytes, equalBytes, toHex, utf8 } from "#common/bytes.js";
import { CodedError, DecodeError, InvalidInput } from "#common/errors/index.js";
import { hash } from "#common/hash.js";
import { MemoryDisk } from "#common/memory-disk.js";
import { ChunkReader, ChunkWriter } from "#mkvs/checkpoint/chunk.js";
import { createCheckpoint } from "#mkvs/checkpoint/create.js";
import { checkpointErrors } from "#mkvs/checkpoint/errors.js";
import type { CheckpointMetadata } from "#mkvs/checkpoint/metadata.js";
import { CheckpointRestorer } from "#mkvs/checkpoint/restorer.js";
import { snappyBytes, SnappyWriter } from "#mkvs/checkpoint/snappy-stream.js";
import { ArenaNodeDb } from "#mkvs/db/arena.js";
import { DiskNodeDb } from "#mkvs/db/disk.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import { nodeDbErrors } from "#mkvs/errors.js";
import type { Root } from "#mkvs/node/root.js";
import { Tree } from "#mkvs/tree/tree.js";
import { walk } from "./support/model.ts";
import { Random } from "./support/random.ts";

const NAMESPACE = new Uint8Array(32).fill(3);

interface Made {
  readonly db: NodeDb;
  readonly metadata: CheckpointMetadata;
  readonly chunks: Uint8Array[];
}

/** A tree that has grown over versions, and a checkpoint of the last one. */
function made(versions = 20, chunkSize = 500): Made {
  const db = new MemoryNodeDb(NAMESPACE);
  const tree = new Tree({ db });
  for (let v = 0; v < versions; v++) {
    fill(tree, v);
    tree.commit(NAMESPACE, BigInt(v));
    db.finalize([tree.base as Root]);
  }
  const chunks: Uint8Array[] = [];
  const metadata = createCheckpoint(db, tree.base as Root, { chunkSize, threads: 0 }, (_, chunk) => {
    chunks.push(chunk.slice());
  });
  return { db, metadata, chunks };
}

function fill(tree: Tree, version: number): void {
  for (let i = 0; i < 20; i++) tree.insert(utf8(`${version * 1000 + i}`), utf8(`${i}`));
}

function countEntries(chunk: Uint8Array): number {
  const reader = new ChunkReader(chunk);
  let entries = 0;
  while (reader.next()) entries++;
  return entries;
}

function errorOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

function expectCode(action: () => unknown, error: { is(e: unknown): boolean }): void {
  const thrown = errorOf(action);
  expect(thrown).toBeInstanceOf(CodedError);
  expect(error.is(thrown), String(thrown)).toBe(true);
}

const DATABASES: readonly (readonly [string, () => NodeDb])[] = [
  ["memory", () => new MemoryNodeDb(NAMESPACE)],
  ["a disk in memory", () => new DiskNodeDb({ disk: new MemoryDisk(), name: "state", namespace: NAMESPACE })],
];

describe.each(DATABASES)("restoring a checkpoint into %s", (_, open) => {
  test("takes the chunks in any order, once each, and gives the whole tree", () => {
    const { db: source, metadata, chunks } = made();
    const { root } = metadata;
    expect(chunks.length).toBeGreaterThan(5);
    const db = open();
    const restorer = new CheckpointRestorer(db);
    expectCode(() => restorer.restoreChunk(0, chunks[0]!), checkpointErrors.noRestoreInProgress);
    db.startMultipart(root.version);
    db.startMultipart(root.version);
    restorer.start(metadata);
    expectCode(() => restorer.start(metadata), checkpointErrors.restoreInProgress);
    const random = new Random();
    const order = chunks.map((_chunk, i) => i);
    for (let i = order.length - 1; i > 0; i--) {
      const j = random.below(i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    order.forEach((index, i) => {
      expectCode(() => db.finalize([root]), i === 0 ? nodeDbErrors.rootNotFound : nodeDbErrors.nodeNotFound);
      expect(restorer.restoreChunk(index, chunks[index]!), random.label).toBe(i === order.length - 1);
      if (i === 0)
        expectCode(() => restorer.restoreChunk(index, chunks[index]!), checkpointErrors.chunkAlreadyRestored);
    });
    expectCode(() => new CheckpointRestorer(db).restoreChunk(0, chunks[0]!), checkpointErrors.noRestoreInProgress);
    db.finalize([root]);
    expect([db.earliestVersion(), db.latestVersion()]).toEqual([root.version, root.version]);
    expect(walk(new Tree({ db, root }), utf8(""))).toEqual(walk(new Tree({ db: source, root }), utf8("")));
  });

  test("asks for a damaged chunk again and gives up a checkpoint that is wrong itself", () => {
    const { metadata, chunks } = made();
    const { root } = metadata;
    const db = open();
    const restorer = new CheckpointRestorer(db);
    db.startMultipart(root.version);
    restorer.start(metadata);
    const damaged = chunks[1]!.slice();
    damaged[30]! ^= 1;
    expectCode(() => restorer.restoreChunk(1, damaged), checkpointErrors.corrupted);
    expectCode(() => restorer.restoreChunk(1, chunks[2]!), checkpointErrors.corrupted);
    expectCode(() => restorer.restoreChunk(chunks.length, chunks[0]!), checkpointErrors.chunkNotFound);
    expect(restorer.restoreChunk(1, chunks[1]!)).toBe(false);
    restorer.abort();
    // Chunks that have the digests of the description, but are no part of the tree or no proof at all.
    const short = chunks[2]!.subarray(0, chunks[2]!.length - 9);
    for (const bad of [made(3).chunks[0]!, utf8("no snappy stream"), short, new Uint8Array(0)]) {
      restorer.start({ ...metadata, chunks: [hash(bad), ...metadata.chunks.slice(1)] });
      expectCode(() => restorer.restoreChunk(0, bad), checkpointErrors.proofVerificationFailed);
      expect(restorer.current).toBeUndefined();
    }
    expect(errorOf(() => restorer.start({ ...metadata, chunks: [] }))).toBeInstanceOf(InvalidInput);
    // After all of that the right chunks still make the tree: parts may overlap.
    restorer.start(metadata);
    chunks.forEach((chunk, i) => restorer.restoreChunk(i, chunk));
    db.finalize([root]);
    expect(db.hasRoot(root)).toBe(true);
  });

  test("lets nothing else in meanwhile, and begins anew when it was given up", () => {
    const { metadata, chunks } = made();
    const { root } = metadata;
    const db = open();
    const tree = new Tree({ db });
    fill(tree, 0);
    tree.commit(NAMESPACE, 0n);
    db.finalize([tree.base as Root]);
    expectCode(() => db.startMultipart(0n), nodeDbErrors.invalidMultipartVersion);
    db.startMultipart(root.version);
    expectCode(() => db.startMultipart(7n), nodeDbErrors.multipartInProgress);
    expectCode(() => tree.commit(NAMESPACE, 1n), nodeDbErrors.multipartInProgress);
    expectCode(() => db.prune(0n), nodeDbErrors.multipartInProgress);
    expectCode(() => db.finalize([{ ...root, version: 1n }]), nodeDbErrors.invalidMultipartVersion);
    const restorer = new CheckpointRestorer(db);
    restorer.start(metadata);
    restorer.restoreChunk(0, chunks[0]!);
    db.abortMultipart();
    expectCode(() => restorer.restoreChunk(1, chunks[1]!), nodeDbErrors.invalidMultipartVersion);
    fill(tree, 1);
    tree.commit(NAMESPACE, 1n);
    db.finalize([tree.base as Root]);
    expect(db.rootsForVersion(root.version)).toEqual([]);
  });

  test("bridges a gap of versions, which can be pruned", () => {
    const { db: source, metadata, chunks } = made();
    const { root } = metadata;
    const db = open();
    const tree = new Tree({ db });
    for (let v = 0; v < 5; v++) {
      fill(tree, v);
      tree.commit(NAMESPACE, BigInt(v));
      db.finalize([tree.base as Root]);
    }
    const restorer = new CheckpointRestorer(db);
    db.startMultipart(root.version);
    restorer.start(metadata);
    chunks.forEach((chunk, i) => restorer.restoreChunk(i, chunk));
    db.finalize([root]);
    for (let v = 0n; v < root.version; v++) db.prune(v);
    const [theirs, ours] = [new Tree({ db: source, root }), new Tree({ db, root })];
    for (let v = 20; v < 25; v++) {
      for (const [each, to] of [
        [theirs, source],
        [ours, db],
      ] as const) {
        fill(each, v);
        each.commit(NAMESPACE, BigInt(v));
        to.finalize([each.base as Root]);
      }
      expect(toHex(ours.rootHash())).toBe(toHex(theirs.rootHash()));
    }
    db.prune(root.version);
    expect(walk(ours, utf8(""))).toEqual(walk(theirs, utf8("")));
  });
});

test("an arena, which reads leaves ahead, makes the same chunks as a tree in memory", () => {
  const random = new Random();
  const disk = new MemoryDisk();
  const dbs = [new MemoryNodeDb(NAMESPACE), new ArenaNodeDb({ disk, name: "state", namespace: NAMESPACE })];
  const batches = Array.from({ length: 4 }, () =>
    Array.from({ length: 1500 }, () => ({
      key: random.bytes(random.below(12)),
      value: random.bytes(random.below(30)),
    })),
  );
  const made = dbs.map((db) => {
    const tree = new Tree({ db });
    for (const [v, batch] of batches.entries()) {
      for (const { key, value } of batch) tree.insert(key, value);
      tree.commit(NAMESPACE, BigInt(v));
      db.finalize([tree.base as Root]);
    }
    return createCheckpoint(db, tree.base as Root, { chunkSize: 5000, threads: 0 }, () => undefined);
  });
  expect(made[1]?.chunks.length, random.label).toBeGreaterThan(20);
  expect(made[1]?.chunks.map(toHex), random.label).toEqual(made[0]?.chunks.map(toHex));
});

describe("the compression of chunks", () => {
  test("gives back what was written, in whatever pieces and of whatever kind", () => {
    const random = new Random();
    for (let round = 0; round < 60; round++) {
      const writer = new SnappyWriter();
      const pieces = Array.from({ length: random.below(6) }, () => {
        const length = random.below(random.pick([20, 1000, 70_000, 200_000]));
        const step = random.pick([1, 1, 7, 251]);
        const noise = random.below(3) === 0;
        return Uint8Array.from({ length }, (_, i) => (noise ? random.below(256) : (i * step) >> 3));
      });
      for (const piece of pieces) writer.write(piece);
      const back = snappyBytes(writer.finish());
      expect(equalBytes(back, concatBytes(...pieces)), random.label).toBe(true);
    }
  });

  test("refuses damaged streams with a typed error and bounded work", () => {
    const random = new Random();
    const writer = new ChunkWriter(0);
    for (let i = 0; i < 300; i++) writer.node(utf8(`node ${i % 7} and ${i}`));
    writer.empty();
    const whole = writer.finish();
    expect(countEntries(whole)).toBe(301);
    for (let round = 0; round < 500; round++) {
      const damaged = whole.slice(0, random.below(2) === 0 ? whole.length : random.below(whole.length));
      if (damaged.length > 0) damaged[random.below(damaged.length)]! ^= 1 << random.below(8);
      const error = errorOf(() => countEntries(damaged));
      if (error !== undefined) expect(error, random.label).toBeInstanceOf(DecodeError);
    }
  });
});
