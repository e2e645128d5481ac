import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MemoryDisk } from "#common/memory-disk.js";
import type { Disk } from "#common/ports/disk.js";
import { BlockHistory } from "#runtime/history/block-history.js";
import { RoundCheckpoints } from "#worker/storage/checkpoint-store.js";
import { type CheckpointWishes, RoundCheckpointer } from "#worker/storage/checkpointer.js";
import { RoundPruner } from "#worker/storage/round-pruner.js";
import { RUNTIME_ID, silentLog } from "./support/local-network.ts";
import { checkpointRound, inOrder, makeRounds, type Source } from "./support/storage-source.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

const ROUNDS = 47n;
let clock: VirtualClock;
let source: Source;
let wishes: CheckpointWishes;

beforeEach(() => {
  clock = new VirtualClock(0);
  source = makeRounds(ROUNDS, 300);
  wishes = { interval: 10n, numKept: 2n, initialVersion: 0n, chunkSize: 1024n };
});

afterEach(() => clock.stop());

function checkpointer(disk: Disk): { checkpoints: RoundCheckpoints; made: RoundCheckpointer } {
  const checkpoints = new RoundCheckpoints(disk, RUNTIME_ID);
  const made = new RoundCheckpointer({
    db: source.db,
    checkpoints,
    clock,
    log: silentLog,
    wishes: () => wishes,
    header: (round) => source.headers[Number(round)],
  });
  return { checkpoints, made };
}

async function settled(ms = 1000): Promise<void> {
  await new Promise<void>((resolve) => clock.setTimer(ms, resolve));
}

describe("checkpoints of rounds", () => {
  test("are made of the first round and of the latest one that is due, the same as everywhere", async () => {
    const { checkpoints, made } = checkpointer(new MemoryDisk());
    made.start();
    await settled();
    expect(checkpoints.rounds()).toEqual([0n, 40n]);
    for (const round of [0n, 40n]) {
      const expected = checkpointRound(source, round, { chunkSize: 1024 });
      expect(checkpoints.list(round)).toEqual(inOrder(expected.made));
    }
    made.stop();
  });

  test("make room for newer ones, but the one of the first round stays", async () => {
    const disk = new MemoryDisk();
    for (const round of [0n, 10n, 20n]) checkpointRound(source, round, { disk });
    const { checkpoints, made } = checkpointer(disk);
    made.start();
    await settled();
    expect(checkpoints.rounds()).toEqual([0n, 20n, 40n]);
    made.stop();
  });

  test("are made of no round but the first when the descriptor wants none, or while paused", async () => {
    wishes = { ...wishes, interval: 0n };
    const { checkpoints, made } = checkpointer(new MemoryDisk());
    made.start();
    await settled();
    expect(checkpoints.rounds()).toEqual([0n]);
    wishes = { ...wishes, interval: 10n };
    made.pause(true);
    made.wake();
    await settled();
    expect(checkpoints.rounds()).toEqual([0n]);
    made.pause(false);
    made.wake();
    await settled();
    expect(checkpoints.rounds()).toEqual([0n, 40n]);
    made.stop();
  });

  test("that were interrupted are seen by nobody, and are made anew", async () => {
    const disk = new MemoryDisk();
    const first = checkpointer(disk);
    checkpointRound(source, 0n, { disk });
    first.made.start();
    await new Promise<void>((resolve) => setImmediate(resolve));
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(first.made.working).toBe(40n);
    first.made.stop();
    expect(first.checkpoints.rounds()).toEqual([0n]);
    const root = checkpointRound(source, 40n).made[0]?.root as never;
    expect(first.checkpoints.part(root, 0)).toBeDefined();
    const second = checkpointer(disk);
    second.made.start();
    await settled();
    expect(second.checkpoints.list(40n)).toEqual(inOrder(checkpointRound(source, 40n, { chunkSize: 1024 }).made));
    second.made.stop();
  });
});

describe("pruning", () => {
  function pruner(keep: bigint, needed: () => bigint | undefined = () => undefined) {
    const history = new BlockHistory(new MemoryDisk(), RUNTIME_ID, { honorSync: true });
    history.record(source.headers.map((header) => ({ height: header.round + 1n, header })));
    const { db } = source;
    const retention = { rounds: keep, intervalMs: 1000 };
    return { history, pruner: new RoundPruner({ db, history, clock, log: silentLog, retention, needed }) };
  }

  test("leaves the latest rounds, with blocks and trees", async () => {
    const { history, pruner: made } = pruner(5n);
    history.setSynced(ROUNDS);
    made.start();
    await settled(1500);
    expect(history.earliest()?.header.round).toBe(ROUNDS - 4n);
    expect(source.db.earliestVersion()).toBe(ROUNDS - 4n);
    await made.stop();
  });

  test("leaves what a checkpoint still needs, and goes on when it does not any more", async () => {
    let needed = 12n;
    const { history, pruner: made } = pruner(5n, () => needed);
    history.setSynced(ROUNDS);
    made.start();
    await settled(1500);
    expect([history.earliest()?.header.round, source.db.earliestVersion()]).toEqual([12n, 12n]);
    needed = 40n;
    await settled(1000);
    expect([history.earliest()?.header.round, source.db.earliestVersion()]).toEqual([40n, 40n]);
    await made.stop();
  });

  test("leaves all that is not synced yet", async () => {
    const { history, pruner: made } = pruner(5n);
    made.start();
    await settled(1500);
    expect(history.earliest()?.header.round).toBe(0n);
    history.setSynced(20n);
    await settled(1000);
    expect(history.earliest()?.header.round).toBe(16n);
    await made.stop();
  });

  test("makes up for trees that stayed when the program was killed", async () => {
    const { history, pruner: made } = pruner(5n);
    history.setSynced(ROUNDS);
    history.pruneBefore(30n);
    expect(source.db.earliestVersion()).toBe(0n);
    made.start();
    await settled(1500);
    expect(source.db.earliestVersion()).toBe(ROUNDS - 4n);
    await made.stop();
  });

  test("leaves the trees alone while a checkpoint is restored", async () => {
    const { history, pruner: made } = pruner(5n);
    history.setSynced(ROUNDS);
    source.db.startMultipart(100n);
    made.start();
    await settled(1500);
    expect(source.db.earliestVersion()).toBe(0n);
    source.db.abortMultipart();
    await settled(1000);
    expect(source.db.earliestVersion()).toBe(ROUNDS - 4n);
    await made.stop();
  });
});
