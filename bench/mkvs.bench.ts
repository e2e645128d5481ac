/**
 * The Merklized Key-Value Store: load 100,000 keys in batches of 2,000, then update 2,000 keys a version for 100 versions,
 * each version committed, finalised and the eleventh oldest pruned; then reads and commits of the size of a block. Compares
 * with the bare time of the hashes that the work needs.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toHex, u64be, utf8 } from "#common/bytes.js";
import { hash } from "#common/hash.js";
import { DiskNodeDb } from "#mkvs/db/disk.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import type { Root } from "#mkvs/node/root.js";
import { Tree } from "#mkvs/tree/tree.js";
import { openLmdbDisk } from "#platform/disk-lmdb.js";
import type { BenchOptions, BenchResult, Figure } from "./support/bench.ts";

const KEYS = 100_000;
const BATCH = 2_000;
const UPDATES = 100;
const KEEP = 10n;
const LOADED_ROOT = "7d4782e741965ecfe19e996918cbe7ccb57bea59c0d539cf92dfcbc553cecfe1";
const UPDATED_ROOT = "97a876bd38bc9a5b3604ba2cf2a6773f7dfdca31599165daaa8cbc4a81a244aa";
/** Bytes of a typical hash input: an internal node with a short label. */
const NODE_BYTES = 100;
/** Commits of the size that a block has. */
const SMALL_COMMITS = 100;
const SMALL_WRITES = 30;
/** What an update costs at least: its leaf and the part of its path that the batch does not share. */
const HASHES_PER_KEY = 2 + Math.log2(KEYS / BATCH);

const namespace = new Uint8Array(32);

function keyOf(i: number): Uint8Array {
  return hash(utf8("bench key"), u64be(BigInt(i)));
}

function valueOf(i: number, round: number): Uint8Array {
  const seed = hash(utf8("bench value"), u64be(BigInt(i)), u64be(BigInt(round)));
  const value = new Uint8Array(100);
  for (let at = 0; at < value.length; at += seed.length) {
    value.set(seed.subarray(0, Math.min(seed.length, value.length - at)), at);
  }
  return value;
}

function seconds(work: () => void): number {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
}

/** Seconds that one hash of a typical node takes. */
function hashSeconds(): number {
  const node = new Uint8Array(NODE_BYTES);
  const count = 200_000;
  const took = seconds(() => {
    for (let i = 0; i < count; i++) {
      node[0] = i & 255;
      hash(node);
    }
  });
  return took / count;
}

function commit(db: NodeDb, tree: Tree, version: bigint): string {
  const { hash: root } = tree.commit(namespace, version);
  db.finalize([tree.base as Root]);
  if (version - db.earliestVersion() >= KEEP) {
    db.prune(db.earliestVersion());
  }
  return toHex(root);
}

function expectRoot(found: string, expected: string): void {
  if (found !== expected) {
    throw new TypeError(`wrong root ${found}, expected ${expected}`);
  }
}

interface Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

interface Workload {
  readonly load: readonly Entry[];
  readonly rounds: readonly (readonly Entry[])[];
}

function workload(): Workload {
  const load = Array.from({ length: KEYS }, (_, i) => ({ key: keyOf(i), value: valueOf(i, 0) }));
  const rounds = Array.from({ length: UPDATES }, (_, r) =>
    Array.from({ length: BATCH }, (_, j) => {
      const i = ((r * BATCH + j) * 7919) % KEYS;
      return { key: load[i]!.key, value: valueOf(i, r + 1) };
    }),
  );
  return { load, rounds };
}

function measure(database: string, db: NodeDb, { load, rounds }: Workload, perHash: number): Figure[] {
  const tree = new Tree({ db, writeLog: false });
  let version = 0n;
  let root = "";
  const loading = seconds(() => {
    load.forEach(({ key, value }, i) => {
      tree.insert(key, value);
      if ((i + 1) % BATCH === 0) {
        root = commit(db, tree, ++version);
      }
    });
  });
  expectRoot(root, LOADED_ROOT);
  const updating = seconds(() => {
    for (const round of rounds) {
      for (const { key, value } of round) {
        tree.insert(key, value);
      }
      root = commit(db, tree, ++version);
    }
  });
  expectRoot(root, UPDATED_ROOT);
  const reading = seconds(() => {
    for (let i = 0; i < KEYS; i++) {
      tree.get(load[(i * 7919) % KEYS]!.key);
    }
  });
  // The big versions are pruned first, so that what follows pays for small ones only.
  for (let i = 0n; i <= KEEP; i++) {
    commit(db, tree, ++version);
  }
  const small = seconds(() => {
    for (let v = 0; v < SMALL_COMMITS; v++) {
      for (let j = 0; j < SMALL_WRITES; j++) {
        tree.insert(load[(v * SMALL_WRITES + j) * 7]!.key, load[v]!.value);
      }
      commit(db, tree, ++version);
    }
  });
  const rate = (name: string, keys: number, took: number, hashes: number): Figure => ({
    name: `${name}, ${database}`,
    unit: "keys/s",
    value: Math.round(keys / took),
    ratio: took / (keys * hashes * perHash),
    to: "the time of its hashes",
  });
  return [
    rate("load", KEYS, loading, HASHES_PER_KEY),
    rate("update", BATCH * UPDATES, updating, HASHES_PER_KEY),
    rate("get", KEYS, reading, 1),
    { name: `commit of ${SMALL_WRITES}, ${database}`, unit: "ms", value: (small * 1000) / SMALL_COMMITS },
  ];
}

/** The figures of every node database. Wrong roots are errors. */
export async function run(options: BenchOptions): Promise<BenchResult> {
  const perHash = hashSeconds();
  const work = workload();
  const figures: Figure[] = [{ name: `hash of ${NODE_BYTES} bytes`, unit: "us", value: perHash * 1e6 }];
  options.progress("memory");
  figures.push(...measure("memory", new MemoryNodeDb(namespace), work, perHash));
  for (const durable of [false, true]) {
    const name = durable ? "LMDB flushed" : "LMDB";
    options.progress(name);
    const path = mkdtempSync(join(tmpdir(), "qanat-bench-mkvs-"));
    const disk = openLmdbDisk({ path, durable });
    try {
      const db = new DiskNodeDb({ disk, name: "bench", namespace, cacheNodes: 1 << 19 });
      figures.push(...measure(name, db, work, perHash));
    } finally {
      disk.close();
      rmSync(path, { recursive: true, force: true });
    }
  }
  figures.push({ name: "resident memory", unit: "MB", value: Math.round(process.memoryUsage().rss / 1e6) });
  return { figures };
}
