import { afterEach, describe, expect, test } from "vitest";
import { toHex, utf8 } from "#common/bytes.js";
import type { Disk } from "#common/ports/disk.js";
import { ByzantineSwitches } from "#network/byzantine/switches.js";
import type { Runtime } from "#consensus/services/registry/types/runtime.js";
import { Tree } from "#mkvs/tree/tree.js";
import type { RuntimeStorage } from "#worker/runtime-storage.js";
import { protocolId } from "#p2p/protocol.js";
import { CHECKPOINT_SYNC } from "#worker/storage/protocols.js";
import { stateRootOf } from "#worker/storage/round-roots.js";
import {
  insertCall,
  nodeNames,
  provisionKeyValue,
  RUNTIME_ID,
  type TestNetwork,
  testNetwork,
  type TestNetworkOptions,
} from "./support/local-network.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

/** Rounds from one checkpoint to the next. */
const INTERVAL = 10n;
const ROUNDS = 35n;

let clock: VirtualClock;
let disks: Map<string, Disk>;
let net: TestNetwork;
let nonce = 0n;

afterEach(async () => {
  await net.network.stop();
  clock.stop();
});

function storage(name: string): RuntimeStorage {
  return net.network.node(name).storage(RUNTIME_ID) as RuntimeStorage;
}

async function submit(): Promise<bigint> {
  const data = insertCall("alice", nonce, `key ${nonce % 20n}`, `value ${nonce++}`);
  return (await net.worker("client-0").client.submitTxMeta(data)).round;
}

function frequentCheckpoints(wanted: Runtime["storage"]): void {
  wanted.checkpointInterval = INTERVAL;
  wanted.checkpointNumKept = 2n;
  wanted.checkpointChunkSize = 1n << 20n;
}

async function start(more: TestNetworkOptions = {}): Promise<void> {
  clock = new VirtualClock(1_700_000_000_000);
  net = testNetwork(provisionKeyValue, disks, {
    clock,
    receipts: true,
    tune: ({ storage: wanted }) => frequentCheckpoints(wanted),
    ...more,
  });
  await net.network.start();
}

/** A network that has made some rounds, stops, and starts again after something happened to its disks. */
async function restart(happened: () => void, more: TestNetworkOptions = {}): Promise<void> {
  nonce = 0n;
  disks = new Map();
  await start(more);
  while ((await submit()) < ROUNDS);
  await net.network.stop();
  clock.stop();
  happened();
  await start(more);
}

function loseDisks(names: readonly string[], more: TestNetworkOptions = {}): Promise<void> {
  return restart(() => {
    for (const name of names) expect(disks.delete(name)).toBe(true);
  }, more);
}

/** Deletes all records of some tables on a node's disk. */
function empty(name: string, tables: readonly string[]): void {
  for (const id of tables) {
    const table = (disks.get(name) as Disk).openTable(id);
    const keys = Array.from(table.range(), ([key]) => key);
    expect(keys.length, id).toBeGreaterThan(0);
    for (const key of keys) table.delete(key);
  }
}

/** Resolves when nodes have the latest round, and checks that they have it as the client has it. */
async function sameAsClient(names: readonly string[]): Promise<void> {
  const round = await submit();
  await until(() => names.every((name) => (storage(name).history.lastSyncedRound ?? -1n) >= round));
  const { header } = net.worker("client-0").client.getBlock(round);
  for (const name of names) {
    const tree = new Tree({ db: storage(name).db, root: stateRootOf(header), writeLog: false });
    const iterator = tree.iterator();
    let entries = 0;
    for (iterator.seek(utf8("")); iterator.valid; iterator.next()) entries++;
    expect(entries).toBeGreaterThan(0);
    expect(tree.rootHash()).toEqual(header.stateRoot);
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => setImmediate(resolve));
}

describe("nodes that lost their disks", () => {
  test("begin with the latest checkpoint of others and go on from there", async () => {
    const lost = ["storage-0", "compute-1"];
    await loseDisks(lost);
    await sameAsClient([...lost, "storage-1"]);
    for (const name of lost) {
      const { db, history, checkpoints } = storage(name);
      expect(db.earliestVersion() % INTERVAL).toBe(0n);
      expect(db.earliestVersion()).toBeGreaterThanOrEqual(ROUNDS - INTERVAL);
      expect(history.earliest()?.header.round).toBe(0n);
      expect(checkpoints.rounds()).toContain(db.earliestVersion());
    }
    expect(storage("storage-1").db.earliestVersion()).toBe(0n);
    expect(net.network.node("compute-1").runtimes[0]?.isAvailable).toBe(true);
  });

  test("find a checkpoint when the chain does not know the first rounds any more, and others pruned them", async () => {
    const lost = ["storage-2", "compute-0", "compute-3"];
    await loseDisks(lost, {
      keep: 15,
      retention: { rounds: 12n, intervalMs: 1000 },
      tune({ storage: wanted }) {
        frequentCheckpoints(wanted);
        // Storage nodes may forget what nobody can challenge them for.
        if (wanted.committee !== undefined) wanted.committee.challenge = undefined;
      },
    });
    await sameAsClient(lost);
    for (const name of lost) {
      expect(storage(name).history.earliest()?.header.round).toBeGreaterThan(0n);
      expect(storage(name).db.earliestVersion()).toBeGreaterThanOrEqual(ROUNDS - INTERVAL - 5n);
    }
    const kept = storage("storage-1");
    // It prunes in its own time, blocks before trees.
    const oldest = (): bigint => kept.history.earliest()?.header.round ?? 0n;
    await until(() => oldest() > INTERVAL && kept.db.earliestVersion() === oldest());
    // Whoever restores the latest checkpoint needs all rounds after it.
    expect(kept.db.earliestVersion()).toBeLessThanOrEqual(kept.checkpoints.rounds().at(-1) as bigint);
  });

  test("get over peers that send damaged chunks and diffs", async () => {
    const byzantine = new ByzantineSwitches();
    const liars = ["storage-1", "compute-2"];
    const switchOn = (): void => liars.forEach((name) => byzantine.set(name, "bad-messages"));
    const lost = ["storage-0", "compute-1"];
    const happened = (): void => {
      for (const name of lost) disks.delete(name);
      switchOn();
    };
    await restart(happened, { byzantine });
    await sameAsClient(lost);
    expect(storage("storage-0").db.earliestVersion()).toBeGreaterThanOrEqual(ROUNDS - INTERVAL);
  });

  test("catch up with diffs alone where nobody makes checkpoints", async () => {
    const lost = ["storage-1", "compute-4"];
    await loseDisks(lost, { tune: () => undefined });
    await sameAsClient(lost);
    for (const name of lost) expect(storage(name).db.earliestVersion()).toBe(0n);
  });
});

describe("nodes that lost a part of what they had", () => {
  const id = toHex(RUNTIME_ID);

  test("record the blocks again when only those are gone, and keep their trees", async () => {
    const lost = ["storage-0", "compute-2"];
    await restart(() => lost.forEach((name) => empty(name, [`history/${id}`])));
    for (const name of lost) expect(storage(name).db.earliestVersion()).toBe(0n);
    await sameAsClient(lost);
    for (const name of lost) {
      const { db, history } = storage(name);
      expect([history.earliest()?.header.round, db.earliestVersion()]).toEqual([0n, 0n]);
    }
  });

  test("fetch the trees again when only those are gone", async () => {
    const lost = ["storage-0", "compute-2"];
    const tables = ["roots", "deltas", "leaves", "meta"].map((table) => `runtime/${id}/arena/${table}`);
    await restart(() => lost.forEach((name) => empty(name, tables)));
    await sameAsClient(lost);
    for (const name of lost) expect(storage(name).db.earliestVersion()).toBeGreaterThanOrEqual(ROUNDS - INTERVAL);
  });
});

test("nodes make checkpoints of the rounds in the checkpoints of the chain", async () => {
  nonce = 0n;
  disks = new Map();
  await start({
    tune: ({ storage: wanted }) => (wanted.checkpointInterval = 0n),
    edit: ({ consensus: { params } }) => {
      Object.assign(params, { stateCheckpointInterval: 50n, stateCheckpointNumKept: 1n });
    },
  });
  const { backend } = net.network;
  while (storage("storage-0").checkpoints.rounds().length < 2) await submit();
  const made = storage("storage-0").checkpoints.rounds().at(-1) as bigint;
  const height = backend.checkpoints.versions().at(-1) as bigint;
  const { history } = storage("storage-0");
  expect(history.recordedBlock(made)?.height).toBeLessThanOrEqual(height + 1n);
  expect(history.recordedBlock(made + 1n)?.height).toBeGreaterThan(height + 1n);
});

test("every node of the network that stores serves checkpoints", async () => {
  nonce = 0n;
  disks = new Map();
  await start();
  await submit();
  const client = net.network.node("client-0").identity.p2p.publicKey;
  expect(client).toHaveLength(32);
  const id = protocolId(net.network.backend.app.chainContext, CHECKPOINT_SYNC, RUNTIME_ID);
  expect(id).toMatch(/^\/oasis\/[0-9a-f]{64}\/checkpointsync\/8000.*\/1\.0\.0$/);
  for (const name of nodeNames("compute", "storage")) expect(storage(name).checkpoints.rounds()).toEqual([0n]);
});
