/**
 * The Merklized Key-Value Store: load 100,000 keys in batches of 2,000, then update 2,000 keys a version for 100 versions,
 * each version committed and finalised. Runs on every node database and compares with the bare hashing of the same number
 * of nodes' worth of bytes.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toHex, u64be, utf8 } from "#common/bytes.js";
import { hash } from "#common/hash.js";
import { MemoryDisk } from "#common/memory-disk.js";
import { DiskNodeDb } from "#mkvs/db/disk.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import type { Root } from "#mkvs/node/root.js";
import { Tree } from "#mkvs/tree/tree.js";
import { openLmdbDisk } from "#platform/disk-lmdb.js";

const KEYS = 100_000;
const BATCH = 2_000;
const UPDATES = 100;
const KEEP = 10n;
const LOADED_ROOT = "7d4782e741965ecfe19e996918cbe7ccb57bea59c0d539cf92dfcbc553cecfe1";
const UPDATED_ROOT = "97a876bd38bc9a5b3604ba2cf2a6773f7dfdca31599165daaa8cbc4a81a244aa";
/** Bytes of a typical hash input: an internal node with a short label. */
const NODE_BYTES = 100;

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

interface Figures {
  readonly database: string;
  readonly load_keys_per_s: number;
  readonly update_keys_per_s: number;
  readonly get_keys_per_s: number;
  readonly small_commit_ms: number;
  readonly times_bare_hashing_load: number;
  readonly times_bare_hashing_update: number;
  readonly memory_mb: number;
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

function measure(database: string, db: NodeDb, perHash: number): Figures {
  const keys = Array.from({ length: KEYS }, (_, i) => keyOf(i));
  const first = keys.map((_, i) => valueOf(i, 0));
  const tree = new Tree({ db, writeLog: false });
  let version = 0n;
  let root = "";
  const load = seconds(() => {
    for (let i = 0; i < KEYS; i++) {
      tree.insert(keys[i]!, first[i]!);
      if ((i + 1) % BATCH === 0) {
        root = commit(db, tree, ++version);
      }
    }
  });
  expectRoot(root, LOADED_ROOT);
  const rounds = Array.from({ length: UPDATES }, (_, r) =>
    Array.from({ length: BATCH }, (_, j) => {
      const i = ((r * BATCH + j) * 7919) % KEYS;
      return [keys[i]!, valueOf(i, r + 1)] as const;
    }),
  );
  const update = seconds(() => {
    for (const round of rounds) {
      for (const [key, value] of round) {
        tree.insert(key, value);
      }
      root = commit(db, tree, ++version);
    }
  });
  expectRoot(root, UPDATED_ROOT);
  const get = seconds(() => {
    for (let i = 0; i < KEYS; i++) {
      tree.get(keys[(i * 7919) % KEYS]!);
    }
  });
  for (let v = 0; v < 15; v++) commit(db, tree, ++version);
  const small = seconds(() => {
    for (let v = 0; v < 100; v++) {
      for (let j = 0; j < 30; j++) {
        tree.insert(keys[(v * 30 + j) * 7]!, first[v]!);
      }
      commit(db, tree, ++version);
    }
  });
  // A leaf and its path: the share of inner nodes that a batch has in common is what log2(keys / batch) leaves out.
  const pathHashes = 2 + Math.log2(KEYS / BATCH) + 1;
  return {
    database,
    load_keys_per_s: Math.round(KEYS / load),
    update_keys_per_s: Math.round((BATCH * UPDATES) / update),
    get_keys_per_s: Math.round(KEYS / get),
    small_commit_ms: Number(((small * 1000) / 100).toFixed(3)),
    times_bare_hashing_load: Number((load / (KEYS * pathHashes * perHash)).toFixed(2)),
    times_bare_hashing_update: Number((update / (BATCH * UPDATES * pathHashes * perHash)).toFixed(2)),
    memory_mb: Math.round(process.memoryUsage().rss / 1e6),
  };
}

export async function run(options: { json?: boolean }): Promise<unknown> {
  const perHash = hashSeconds();
  const results = [measure("memory", new MemoryNodeDb(namespace), perHash)];
  results.push(measure("disk in memory", new DiskNodeDb({ disk: new MemoryDisk(), name: "t", namespace }), perHash));
  for (const durable of [false, true]) {
    const path = mkdtempSync(join(tmpdir(), "qanat-bench-mkvs-"));
    const disk = openLmdbDisk({ path, durable });
    const db = new DiskNodeDb({ disk, name: "t", namespace, cacheNodes: 1 << 19 });
    results.push(measure(durable ? "LMDB, flushed" : "LMDB", db, perHash));
    disk.close();
    rmSync(path, { recursive: true, force: true });
  }
  if (options.json !== true) {
    process.stdout.write(`one hash of ${NODE_BYTES} bytes: ${(perHash * 1e6).toFixed(2)} us\n`);
    for (const result of results) {
      process.stdout.write(`${JSON.stringify(result)}\n`);
    }
  }
  return { hash_us: perHash * 1e6, results };
}
