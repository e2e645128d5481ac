/** Kills a network while it prunes and makes checkpoints, and looks at what is on its disk before the next start. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { toHex } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import { createClient } from "#common/rpc/index.js";
import { STATE_NAMESPACE, STATE_ROOT } from "#consensus/app/state-root.js";
import { BlockStore } from "#consensus/backends/embedded/block-store.js";
import { SnapshotRestorer, snapshotOf } from "#consensus/checkpoints/snapshot.js";
import { CheckpointStore } from "#consensus/checkpoints/store.js";
import { printGenesis } from "#consensus/genesis/document.js";
import { consensusMethods } from "#consensus/rpc.js";
import { stakingMethods } from "#consensus/services/staking/rpc.js";
import { DiskNodeDb } from "#mkvs/db/disk.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import { Tree } from "#mkvs/tree/tree.js";
import { buildGenesis } from "#network/fixture.js";
import { DEFAULT_SIZE, developmentAccounts, networkMembers } from "#network/topology.js";
import { openLmdbDisk } from "#platform/disk-lmdb.js";
import { connectGrpc, type GrpcChannel } from "#platform/grpc-client.js";
import { Random } from "../../unit/mkvs/support/random.ts";
import { payer, sendTransfers, sleep, untilCut } from "./support/load.ts";
import { Qanat } from "./support/qanat.js";

const KILLS = process.env["QANAT_NIGHTLY"] === undefined ? 4 : 60;
const KEEP = 100n;
const INTERVAL = 11n;
const CHECKPOINTS = 2n;
/** Heights that may be due and not yet pruned: one step, and what a checkpoint holds. */
const SLACK = 60n;
/** A life ends after so many blocks at most, and so many milliseconds more. */
const MOST_BLOCKS = 40;
const LONGEST_REST_MS = 60;

let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "qanat-history-"));
});
afterEach(() => rmSync(data, { recursive: true, force: true }));

/** A network whose parameters ask for small checkpoints often, so that one is nearly always being made. */
function writeNetwork(seed: Uint8Array): void {
  const genesis = buildGenesis({
    members: networkMembers(seed, DEFAULT_SIZE),
    accounts: developmentAccounts(10),
    committee: { primary: 3, backup: 2 },
    runtimeId: Uint8Array.of(0x80, ...new Array<number>(31).fill(0)),
    genesisTime: { seconds: BigInt(Math.floor(Date.now() / 1000)), nanos: 0 },
  });
  Object.assign(genesis.consensus.params, {
    stateCheckpointInterval: INTERVAL,
    stateCheckpointNumKept: CHECKPOINTS,
    stateCheckpointChunkSize: 1500n,
  });
  writeFileSync(join(data, "network.key"), `${toHex(seed)}\n`, { mode: 0o600 });
  writeFileSync(join(data, "genesis.json"), printGenesis(genesis));
}

/** What one look at the disk found. */
interface Found {
  readonly earliest: bigint;
  readonly latest: bigint;
  readonly checkpoints: readonly bigint[];
}

/** The hash of the tree that holds exactly what can be read of a version. */
function contentHash(db: DiskNodeDb, version: bigint): string {
  const root = db.rootsForVersion(version).find(({ type }) => type === STATE_ROOT);
  if (root === undefined) throw new TypeError(`no state at ${version}`);
  const it = new Tree({ db, root, writeLog: false }).iterator();
  const copy = new Tree();
  for (it.seek(new Uint8Array(0)); it.valid; it.next()) copy.insert(it.key, it.value);
  expect(toHex(copy.rootHash())).toBe(toHex(root.hash));
  return toHex(root.hash);
}

/** Checks every height and checkpoint on the disk of a network that was killed. */
function examine(appHashes: ReadonlyMap<bigint, string>): Found {
  const disk = openLmdbDisk({ path: join(data, "consensus") });
  try {
    const blocks = new BlockStore(disk);
    const db = new DiskNodeDb({ disk, name: "state", namespace: STATE_NAMESPACE });
    const { earliestHeight: earliest, latestHeight: latest } = blocks;
    expect([db.earliestVersion(), db.latestVersion()]).toEqual([earliest, latest]);
    for (let height = earliest; height <= latest; height++) {
      const { block, commit } = blocks.load(height);
      expect([block.header.height, commit.height]).toEqual([height, height]);
      const hash = contentHash(db, height);
      expect(appHashes.get(height) ?? hash).toBe(hash);
    }
    const store = new CheckpointStore(disk);
    for (const checkpoint of store.list()) {
      const { version, hash } = checkpoint.root;
      expect((version - 1n) % INTERVAL).toBe(0n);
      expect(appHashes.get(version) ?? toHex(hash)).toBe(toHex(hash));
      const restored = new MemoryNodeDb(STATE_NAMESPACE);
      const restorer = new SnapshotRestorer(restored);
      expect(restorer.offer(snapshotOf(checkpoint), hash)).toBe("accept");
      const answers = checkpoint.chunks.map((_, i) => restorer.apply(i, store.chunk(version, i) ?? new Uint8Array(0)));
      expect(answers.at(-1)).toBe("complete");
      expect(toHex(restored.rootsForVersion(version)[0]?.hash ?? new Uint8Array(0))).toBe(toHex(hash));
    }
    return { earliest, latest, checkpoints: store.versions() };
  } finally {
    disk.close();
  }
}

/** Chunks that belong to no checkpoint, which a start has to delete. */
function strayChunks(): number {
  const disk = openLmdbDisk({ path: join(data, "consensus") });
  try {
    const described = new Set(new CheckpointStore(disk).versions());
    let stray = 0;
    for (const [key] of disk.openTable("checkpoint-chunks").range()) {
      if (!described.has(new DataView(key.buffer, key.byteOffset).getBigUint64(0))) stray++;
    }
    return stray;
  } finally {
    disk.close();
  }
}

/** Every height that a node says it keeps can be asked for, and none below. */
async function askAll(channel: GrpcChannel): Promise<void> {
  const consensus = createClient(consensusMethods, channel);
  const staking = createClient(stakingMethods, channel);
  // Taken first: what is the earliest now may be pruned a moment later.
  const latest = await consensus.GetLatestHeight();
  const earliest = await consensus.GetLastRetainedHeight();
  for (let height = latest; height >= earliest; height--) {
    try {
      expect((await consensus.GetBlock(height)).height).toBe(height);
      await consensus.GetTransactionsWithResults(height);
      await staking.Account({ height, owner: payer });
    } catch (error) {
      // The network goes on meanwhile, so the lowest ones may have gone.
      expect(error).toBeInstanceOf(CodedError);
      expect(height).toBeLessThan(await consensus.GetLastRetainedHeight());
    }
  }
  if (earliest > 1n) {
    await expect(consensus.GetBlock(earliest - 1n)).rejects.toMatchObject({ module: "consensus", code: 3 });
  }
}

test(
  `a network killed ${KILLS} times while it prunes and makes checkpoints keeps every height and checkpoint whole`,
  async () => {
    const random = new Random(Number(process.env["QANAT_SEED"] ?? Date.now() >>> 0));
    console.info(`history test: ${random.label} (set QANAT_SEED to repeat)`);
    writeNetwork(random.bytes(32));
    const appHashes = new Map<bigint, string>();
    const answered: string[] = [];
    const made = new Set<bigint>();
    let [stray, latest, pruned] = [0, 0n, 0];
    for (let life = 0; life <= KILLS; life++) {
      const net = new Qanat("net", "--json", "--port", "0", "--data", data, "--keep", `${KEEP}`, "--quiet-load");
      try {
        const ready = await net.event("ready");
        const first = await net.event("block");
        // A block may have been stored without being told about any more.
        expect(BigInt(first.height as number), random.label).toBe(latest + 1n);
        const channel = connectGrpc(ready.grpc as string);
        if (life > 0) await askAll(channel);
        const work = untilCut(sendTransfers(channel, answered));
        // Blocks are counted, not seconds; the first life goes on until something is pruned.
        const blocks = life === 0 ? Number(KEEP + SLACK) : random.below(MOST_BLOCKS);
        await net.event("block", ({ height }) => BigInt(height as number) >= latest + BigInt(blocks));
        await sleep(random.below(LONGEST_REST_MS));
        net.kill("SIGKILL");
        await net.exited;
        expect(await work).not.toBeInstanceOf(CodedError);
        channel.close();
      } finally {
        await net.dispose();
      }
      for (const event of net.events) {
        if (event.event !== "block") continue;
        const height = BigInt(event.height as number);
        expect(appHashes.get(height), random.label).toBeUndefined();
        appHashes.set(height, event.app_hash as string);
      }
      stray += strayChunks();
      const found = examine(appHashes);
      expect(found.latest, random.label).toBeGreaterThanOrEqual(
        BigInt(Math.max(...Array.from(appHashes.keys(), Number))),
      );
      expect(found.latest - found.earliest, random.label).toBeLessThan(KEEP + SLACK);
      // The first one and the newest are kept besides.
      expect(found.checkpoints.length, random.label).toBeLessThanOrEqual(Number(CHECKPOINTS) + 2);
      for (const version of found.checkpoints) made.add(version);
      if (found.earliest > 1n) pruned++;
      latest = found.latest;
    }
    console.info(
      `history test: ${latest} heights, ${answered.length} transfers, ${made.size} checkpoints seen, ${stray} chunks of unfinished ones`,
    );
    expect(made.size).toBeGreaterThan(1);
    expect(pruned).toBeGreaterThan(0);
  },
  KILLS * 60_000,
);
