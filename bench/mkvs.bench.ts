/**
 * The Merklized Key-Value Store: load N keys in batches of 2,000, then update 2,000 keys a version for 100 versions, each
 * version committed, finalised and on the disk; the same once more with all but the last ten versions pruned as it goes;
 * reads in a new process, proofs, a checkpoint and its restoration. Each step is a process of its own, whose memory is
 * watched. Compares with the bare time of the hashes that the work needs.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fromHex, toHex, u64be, utf8 } from "#common/bytes.js";
import { hash } from "#common/hash.js";
import type { Disk } from "#common/ports/disk.js";
import { createCheckpoint } from "#mkvs/checkpoint/create.js";
import { CheckpointMetadata } from "#mkvs/checkpoint/metadata.js";
import { CheckpointRestorer } from "#mkvs/checkpoint/restorer.js";
import { ArenaNodeDb } from "#mkvs/db/arena.js";
import { type Root, ROOT_STATE } from "#mkvs/node/root.js";
import { Proof } from "#mkvs/proof/proof.js";
import { verifyProofToWriteLog } from "#mkvs/proof/verify.js";
import { NodeDbSyncer } from "#mkvs/sync.js";
import { Tree } from "#mkvs/tree/tree.js";
import { openLmdbDisk } from "#platform/disk-lmdb.js";
import { type BenchOptions, type BenchResult, type Figure, spread } from "./support/bench.ts";

const DEFAULT_KEYS = 100_000;
const BATCH = 2_000;
const UPDATES = 100;
const KEEP = 10n;
const STRIDE = 7_919;
const CHUNK_BYTES = 8 << 20;
const PROOFS = 50_000;
/** Roots after load and updates, from the reference. */
const ROOTS: Readonly<Record<number, readonly [string, string]>> = {
  100_000: [
    "7d4782e741965ecfe19e996918cbe7ccb57bea59c0d539cf92dfcbc553cecfe1",
    "97a876bd38bc9a5b3604ba2cf2a6773f7dfdca31599165daaa8cbc4a81a244aa",
  ],
};
/** Bytes of the hash input of an internal node with a short label, and of a leaf of this workload. */
const NODE_BYTES = 100;
const LEAF_BYTES = 141;

const namespace = new Uint8Array(32);

type Out = Record<string, number | string>;

/** What a step is told. */
interface StepArguments {
  readonly keys: number;
  readonly folder: string;
  readonly root: string;
}

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

/** Adds up the time of what is measured; what is prepared for it does not count. */
class Watch {
  seconds = 0;
  #cpu = 0;

  run<T>(work: () => T): T {
    const start = performance.now();
    const cpu = process.cpuUsage();
    const result = work();
    const used = process.cpuUsage(cpu);
    this.seconds += (performance.now() - start) / 1000;
    this.#cpu += (used.user + used.system) / 1e6;
    return result;
  }

  get cpuSeconds(): number {
    return this.#cpu;
  }
}

function memoryPeak(): () => Out {
  let peak = 0;
  const read = (): void => {
    const status = readFileSync("/proc/self/status", "latin1");
    const kb = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0);
    peak = Math.max(peak, (kb("RssAnon") + kb("RssShmem")) / 1000);
    file = Math.max(file, kb("RssFile") / 1000);
  };
  let file = 0;
  return () => {
    read();
    return { memory: Math.round(peak), file: Math.round(file) };
  };
}

function folderMegabytes(folder: string): number {
  const sizes = readdirSync(folder).map((name) => statSync(join(folder, name)).blocks * 512);
  return Math.round(sizes.reduce((sum, size) => sum + size, 0) / 1e6);
}

function open(folder: string): { db: ArenaNodeDb; disk: Disk; close: () => void } {
  const disk = openLmdbDisk({ path: folder });
  const db = new ArenaNodeDb({ disk, name: "bench", namespace });
  return {
    db,
    disk,
    close: () => {
      db.close();
      disk.close();
    },
  };
}

interface Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Load and updates; the last version and its root stand in the answer. */
function write({ keys, folder }: StepArguments, prune: boolean): Out {
  const memory = memoryPeak();
  const { db, disk, close } = open(folder);
  const tree = new Tree({ db, writeLog: false });
  let version = 0n;
  let root = "";
  const commit = (batch: readonly Entry[]): void => {
    for (const { key, value } of batch) tree.insert(key, value);
    // All of a version is one batch of the disk, as in a node.
    disk.batch(() => {
      root = toHex(tree.commit(namespace, ++version).hash);
      db.finalize([tree.base as Root]);
      if (prune && version - db.earliestVersion() >= KEEP) db.prune(db.earliestVersion());
    });
  };
  const loading = new Watch();
  for (let i = 0; i < keys; i += BATCH) {
    const batch = Array.from({ length: BATCH }, (_, j) => ({ key: keyOf(i + j), value: valueOf(i + j, 0) }));
    loading.run(() => commit(batch));
    memory();
  }
  const loaded = root;
  const updating = new Watch();
  for (let r = 1; r <= UPDATES; r++) {
    const batch = Array.from({ length: BATCH }, (_, j) => {
      const i = (((r - 1) * BATCH + j) * STRIDE) % keys;
      return { key: keyOf(i), value: valueOf(i, r) };
    });
    updating.run(() => commit(batch));
    memory();
  }
  const peak = memory();
  close();
  return {
    loaded,
    updated: root,
    version: String(version),
    load: keys / loading.seconds,
    loadCpu: keys / loading.cpuSeconds,
    update: (UPDATES * BATCH) / updating.seconds,
    updateCpu: (UPDATES * BATCH) / updating.cpuSeconds,
    disk: folderMegabytes(folder),
    ...peak,
  };
}

function latest(db: ArenaNodeDb): Root {
  const version = db.latestVersion() as bigint;
  return db.rootsForVersion(version).find(({ type }) => type === ROOT_STATE) as Root;
}

/** Reads in random order, each by a walk of the tree. */
function read({ keys, folder }: StepArguments): Out {
  const memory = memoryPeak();
  const opening = new Watch();
  const { db, close } = opening.run(() => open(folder));
  const tree = new Tree({ db, root: latest(db), writeLog: false });
  const watch = new Watch();
  const gets = Math.max(keys, 100_000);
  for (let i = 0; i < gets; i += 10_000) {
    const wanted = Array.from({ length: 10_000 }, (_, j) => keyOf(((i + j) * STRIDE) % keys));
    const found = watch.run(() => wanted.reduce((sum, key) => sum + (tree.get(key)?.length ?? 0), 0));
    if (found !== 1_000_000) throw new TypeError("a key is missing");
  }
  const peak = memory();
  close();
  return { get: gets / watch.seconds, getCpu: gets / watch.cpuSeconds, open: opening.seconds, ...peak };
}

function prove({ keys, folder }: StepArguments): Out {
  const memory = memoryPeak();
  const { db, close } = open(folder);
  const root = latest(db);
  const syncer = new NodeDbSyncer(db);
  const tree = { root, position: root.hash };
  const wanted = Array.from({ length: PROOFS }, (_, i) => keyOf((i * STRIDE) % keys));
  const proofs: Proof[] = [];
  const building = new Watch();
  const build = (key: Uint8Array): Proof =>
    syncer.syncGet({ tree, key, includeSiblings: false, proofVersion: 1 }).proof;
  wanted.slice(0, 2_000).forEach(build);
  building.run(() => {
    wanted.forEach((key, i) => {
      const proof = build(key);
      if (i % 20 === 0) proofs.push(proof);
    });
  });
  const nodesOf = ({ entries }: Proof): number => entries.filter((entry) => entry?.[0] === 1).length;
  const hashes = proofs.reduce((sum, proof) => sum + nodesOf(proof), 0);
  const verifying = new Watch();
  // In turn with as many bare hashes, since the speed of a machine changes within seconds.
  const ratios: number[] = [];
  for (let round = 0; round < 20; round++) {
    const [verify, bare] = [new Watch(), new Watch()];
    const work = (): void => proofs.forEach((proof) => verifyProofToWriteLog(root.hash, proof));
    verify.run(() => verifying.run(work));
    bare.run(() => hashOften(NODE_BYTES, hashes));
    ratios.push(bare.cpuSeconds / verify.cpuSeconds);
  }
  const sizes = proofs.slice(0, 100).map((proof) => Proof.encode(proof).length);
  const nodes = proofs.slice(0, 100).map(nodesOf);
  const mean = (list: readonly number[]): number => list.reduce((sum, n) => sum + n, 0) / list.length;
  const peak = memory();
  close();
  return {
    build: PROOFS / building.seconds,
    buildCpu: PROOFS / building.cpuSeconds,
    verify: PROOFS / verifying.seconds,
    verifyCpu: PROOFS / verifying.cpuSeconds,
    verifyRatio: spread(ratios).value,
    bytes: Math.round(mean(sizes)),
    hashes: mean(nodes),
    ...peak,
  };
}

function checkpoint({ folder }: StepArguments): Out {
  const memory = memoryPeak();
  const { db, close } = open(folder);
  const to = join(folder, "..", "chunks");
  mkdirSync(to, { recursive: true });
  const watch = new Watch();
  let bytes = 0;
  const metadata = watch.run(() =>
    createCheckpoint(db, latest(db), { chunkSize: CHUNK_BYTES, threads: 0 }, (index, chunk) => {
      writeFileSync(join(to, String(index)), chunk);
      bytes += chunk.length;
      memory();
    }),
  );
  writeFileSync(join(to, "meta"), CheckpointMetadata.encode(metadata));
  const peak = memory();
  close();
  return {
    create: watch.seconds,
    createCpu: watch.cpuSeconds,
    chunks: metadata.chunks.length,
    megabytes: Math.round(bytes / 1e5) / 10,
    ...peak,
  };
}

function restore({ folder }: StepArguments): Out {
  const memory = memoryPeak();
  const { db, close } = open(join(folder, "..", "restored"));
  const from = join(folder, "..", "chunks");
  const metadata = CheckpointMetadata.decode(readFileSync(join(from, "meta")));
  const restorer = new CheckpointRestorer(db);
  const watch = new Watch();
  watch.run(() => {
    db.startMultipart(metadata.root.version);
    restorer.start(metadata);
    metadata.chunks.forEach((_, i) => {
      restorer.restoreChunk(i, new Uint8Array(readFileSync(join(from, String(i)))));
      memory();
    });
    db.finalize([metadata.root]);
  });
  const peak = memory();
  close();
  return { restore: watch.seconds, restoreCpu: watch.cpuSeconds, ...peak };
}

function hashOften(length: number, count: number): void {
  const input = new Uint8Array(length);
  for (let i = 0; i < count; i++) {
    input[0] = i & 255;
    hash(input);
  }
}

/** Hashes per second of processor time, of inputs of a length. */
function hashRate(length: number): number {
  const count = 300_000;
  const rates = [0, 1, 2].map(() => {
    const watch = new Watch();
    watch.run(() => hashOften(length, count));
    return count / watch.cpuSeconds;
  });
  return Math.max(...rates);
}

const STEPS: Readonly<Record<string, (options: StepArguments) => Out>> = {
  write: (options) => write(options, false),
  prune: (options) => write({ ...options, folder: join(options.folder, "..", "pruned") }, true),
  read,
  prove,
  checkpoint,
  restore,
};

/** Runs one step; called in a process of its own. */
export function runStep(step: string, options: StepArguments): Out {
  const work = STEPS[step];
  if (work === undefined) throw new TypeError(`no step ${step}`);
  return work(options);
}

function inNewProcess(step: string, options: StepArguments): Out {
  const bundle = JSON.stringify(import.meta.url);
  const call = `runStep(${JSON.stringify(step)}, ${JSON.stringify(options)})`;
  const script = `import(${bundle}).then((m) => process.stdout.write(JSON.stringify(m.${call})))`;
  const cwd = fileURLToPath(new URL(".", import.meta.url));
  const text = execFileSync(process.execPath, ["--input-type=module", "-e", script], { cwd, encoding: "utf8" });
  return JSON.parse(text) as Out;
}

/** Seconds of hashing that one key of a batch costs at least, at a size of the tree: its leaf and its part of the paths. */
function hashSecondsPerKey(keys: number, internal: number, leaf: number): number {
  return (1.5 + Math.log2(Math.max(2, keys / BATCH))) / internal + 1 / leaf;
}

/** The figures of the database with its nodes in memory. Wrong roots are errors. */
export async function run(options: BenchOptions): Promise<BenchResult> {
  const keys = options.keys ?? DEFAULT_KEYS;
  const base = mkdtempSync(join(tmpdir(), "qanat-bench-mkvs-"));
  const folder = join(base, "kept");
  const results: Record<string, Out> = {};
  try {
    for (const step of Object.keys(STEPS)) {
      options.progress(step);
      results[step] = inNewProcess(step, { keys, folder, root: options.root });
    }
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
  const get = (step: string, name: string): number => results[step]?.[name] as number;
  const [loaded, updated] = [results["write"]?.["loaded"] as string, results["write"]?.["updated"] as string];
  const expected = ROOTS[keys] ?? [results["prune"]?.["loaded"], results["prune"]?.["updated"]];
  if (loaded !== expected[0] || updated !== expected[1] || fromHex(updated).length !== 32) {
    throw new TypeError(`wrong roots ${loaded}, ${updated}; expected ${expected.join(", ")}`);
  }
  const internal = hashRate(NODE_BYTES);
  const leaf = hashRate(LEAF_BYTES);
  const perUpdate = hashSecondsPerKey(keys, internal, leaf);
  // The tree is smaller while it is loaded: on average by a factor of e.
  const perLoad = hashSecondsPerKey(keys / Math.E, internal, leaf);
  const floor = "the bare hashing";
  const rate = (name: string, value: number, perKey: number): Figure => ({
    name,
    unit: "keys/s",
    value: Math.round(value),
    ratio: 1 / (value * perKey),
    to: `${floor} time`,
  });
  const proofHashes = get("prove", "hashes");
  const peak = Math.max(...Object.values(results).map((out) => out["memory"] as number));
  const all = 2 * keys;
  const figures: Figure[] = [
    { name: "hash of an internal node", unit: "/s", value: Math.round(internal) },
    { name: "hash of a leaf", unit: "/s", value: Math.round(leaf) },
    rate("load", get("write", "load"), perLoad),
    rate("load, by processor time", get("write", "loadCpu"), perLoad),
    rate("update", get("write", "update"), perUpdate),
    rate("update, by processor time", get("write", "updateCpu"), perUpdate),
    rate("load, pruned as it goes", get("prune", "load"), perLoad),
    rate("update, pruned as it goes", get("prune", "update"), perUpdate),
    { name: "get in a new process", unit: "/s", value: Math.round(get("read", "get")) },
    { name: "get, by processor time", unit: "/s", value: Math.round(get("read", "getCpu")) },
    { name: "opening for it", unit: "s", value: get("read", "open") },
    { name: "build a proof", unit: "/s", value: Math.round(get("prove", "build")) },
    { name: "build a proof, by processor time", unit: "/s", value: Math.round(get("prove", "buildCpu")) },
    {
      name: `verify a proof of ${get("prove", "bytes")} bytes and ${proofHashes.toFixed(1)} hashes`,
      unit: "/s",
      value: Math.round(get("prove", "verify")),
      ratio: get("prove", "verifyRatio"),
      to: "the rate of its bare hashing",
      wanted: 0.6,
    },
    {
      name: `create a checkpoint of ${get("checkpoint", "megabytes")} MB`,
      unit: "s",
      value: get("checkpoint", "create"),
    },
    {
      name: "restore it",
      unit: "s",
      value: get("restore", "restore"),
      ratio: get("restore", "restoreCpu") / (all / ((internal + leaf) / 2)),
      to: `${floor} time`,
    },
    { name: "create it, by processor time", unit: "s", value: get("checkpoint", "createCpu") },
    { name: "restore it, by processor time", unit: "s", value: get("restore", "restoreCpu") },
    { name: "disk, pruned as it goes", unit: "MB", value: get("prune", "disk") },
    { name: "disk, all versions", unit: "MB", value: get("write", "disk") },
    { name: "peak memory of the largest step", unit: "MB", value: peak },
    { name: "peak memory of load and update", unit: "MB", value: get("write", "memory") },
    { name: "mapped files beside it", unit: "MB", value: get("write", "file") },
  ];
  return { figures, keys, roots: [loaded, updated], steps: results } as BenchResult;
}
