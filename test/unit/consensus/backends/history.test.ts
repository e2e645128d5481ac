import { describe, expect, test } from "vitest";
import { toHex } from "#common/bytes.js";
import { MemoryDisk } from "#common/memory-disk.js";
import { STATE_NAMESPACE } from "#consensus/app/state-root.js";
import { SnapshotRestorer, snapshotOf } from "#consensus/checkpoints/snapshot.js";
import type { CheckpointStore } from "#consensus/checkpoints/store.js";
import type { GenesisDocument } from "#consensus/genesis/document.js";
import { CheckpointMetadata } from "#mkvs/checkpoint/metadata.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import { Random } from "../../mkvs/support/random.ts";
import { DeadlyDisk, HistoryChain, Killed } from "./support.ts";

const KEEP = 6;
const HEIGHT = 22n;

function withCheckpoints(genesis: GenesisDocument): void {
  Object.assign(genesis.consensus.params, {
    stateCheckpointInterval: 5n,
    stateCheckpointNumKept: 2n,
    stateCheckpointChunkSize: 2000n,
  });
}

/** Restores a checkpoint into an empty database and returns the hash of its root. */
function restored(store: CheckpointStore, checkpoint: CheckpointMetadata): string {
  const db = new MemoryNodeDb(STATE_NAMESPACE);
  const restorer = new SnapshotRestorer(db);
  expect(restorer.offer(snapshotOf(checkpoint), checkpoint.root.hash)).toBe("accept");
  const { version } = checkpoint.root;
  const answers = checkpoint.chunks.map((_, i) => restorer.apply(i, store.chunk(version, i) ?? new Uint8Array(0)));
  expect(answers.at(-1)).toBe("complete");
  expect(new Set(answers.slice(0, -1))).toEqual(new Set(["accept"]));
  return toHex(db.rootsForVersion(version)[0]?.hash ?? new Uint8Array(0));
}

describe("old heights", () => {
  test("all stay when nothing else is asked for", async () => {
    const chain = new HistoryChain(new MemoryDisk());
    await chain.upTo(HEIGHT);
    expect(chain.kept()).toEqual({ earliest: 1n, latest: HEIGHT });
  });

  test("go, with block and state, once the latest is far enough ahead", async () => {
    const chain = new HistoryChain(new MemoryDisk(), { keep: KEEP });
    await chain.upTo(BigInt(KEEP) + 1n);
    expect(chain.kept().earliest).toBe(1n);
    await chain.upTo(HEIGHT);
    chain.clock.run();
    expect(chain.kept()).toEqual({ earliest: HEIGHT - BigInt(KEEP), latest: HEIGHT });
    expect(chain.app.stateDb.earliestVersion()).toBe(HEIGHT - BigInt(KEEP));
    expect(chain.backend.block(HEIGHT - BigInt(KEEP) - 1n)).toBeUndefined();
    expect(() => chain.backend.stateAt(3n)).toThrow("height 3");
  });

  test("stay while somebody needs them", async () => {
    const chain = new HistoryChain(new MemoryDisk(), { keep: KEEP });
    const release = chain.backend.hold(() => 4n);
    await chain.upTo(HEIGHT);
    chain.clock.run();
    expect(chain.kept().earliest).toBe(4n);
    release();
    await chain.upTo(HEIGHT + 1n);
    chain.clock.run();
    expect(chain.kept().earliest).toBe(HEIGHT + 1n - BigInt(KEEP));
  });

  test("of a chain that kept all go step by step after a restart that keeps fewer", async () => {
    const disk = new MemoryDisk();
    await new HistoryChain(disk).upTo(39n);
    const chain = new HistoryChain(disk, { keep: KEEP });
    await chain.backend.start();
    chain.clock.run(1);
    expect(chain.kept()).toEqual({ earliest: 17n, latest: 39n });
    chain.clock.run();
    expect(chain.kept()).toEqual({ earliest: 33n, latest: 39n });
  });
});

describe("checkpoints", () => {
  test("are made at the interval from the first height on, and the oldest but the first go", async () => {
    const chain = new HistoryChain(new MemoryDisk(), { change: withCheckpoints });
    await chain.upTo(HEIGHT + 10n);
    chain.clock.run();
    const { checkpoints } = chain.backend;
    expect(checkpoints.versions()).toEqual([1n, 21n, 26n, 31n]);
    for (const checkpoint of checkpoints.list()) {
      const { version, hash } = checkpoint.root;
      expect(checkpoint.chunks.length).toBeGreaterThan(2);
      expect(restored(checkpoints, checkpoint)).toBe(toHex(hash));
      // The header after the checkpoint carries what it is verified against.
      expect(toHex(chain.backend.block(version + 1n)?.header.appHash ?? hash)).toBe(toHex(hash));
    }
    expect(checkpoints.chunk(6n, 0)).toBeUndefined();
  });

  test("are made between blocks, chunk by chunk, of a state that is not pruned meanwhile", async () => {
    const chain = new HistoryChain(new MemoryDisk(), { keep: 1, change: withCheckpoints });
    await chain.upTo(4n, 1);
    expect(chain.backend.checkpoints.versions()).toEqual([]);
    expect(chain.kept().earliest).toBe(1n);
    chain.clock.run();
    expect(chain.backend.checkpoints.versions()).toEqual([1n]);
    expect(chain.kept().earliest).toBe(3n);
  });

  test("with a swapped, damaged or foreign chunk, or a false description, are refused", async () => {
    const chain = new HistoryChain(new MemoryDisk(), { change: withCheckpoints });
    await chain.upTo(3n);
    chain.clock.run();
    const { checkpoints } = chain.backend;
    const [checkpoint] = checkpoints.list();
    if (checkpoint === undefined) throw new TypeError("no checkpoint was made");
    const chunk = (i: number): Uint8Array => checkpoints.chunk(1n, i) ?? new Uint8Array(0);
    const snapshot = snapshotOf(checkpoint);
    const { hash } = checkpoint.root;
    const restorer = new SnapshotRestorer(new MemoryNodeDb(STATE_NAMESPACE));
    expect(restorer.apply(0, chunk(0))).toBe("reject");
    expect(restorer.offer({ ...snapshot, format: 2 }, hash)).toBe("reject-format");
    expect(restorer.offer({ ...snapshot, hash: new Uint8Array(32) }, hash)).toBe("reject");
    expect(restorer.offer({ ...snapshot, chunks: snapshot.chunks + 1 }, hash)).toBe("reject");
    expect(restorer.offer(snapshot, new Uint8Array(32))).toBe("reject");
    expect(restorer.offer({ ...snapshotOf({ ...checkpoint, chunks: [] }), chunks: 0 }, hash)).toBe("reject");
    expect(restorer.offer(snapshot, hash)).toBe("accept");
    expect(restorer.apply(0, chunk(1))).toBe("retry");
    const damaged = chunk(0).slice();
    damaged[40] = (damaged[40] ?? 0) ^ 1;
    expect(restorer.apply(0, damaged)).toBe("retry");
    expect(restorer.apply(0, chunk(0))).toBe("accept");
    expect(restorer.apply(0, chunk(0))).toBe("accept");
    expect(restorer.apply(99, chunk(0))).toBe("reject");
    // A description that names another chunk is itself wrong, which only the proof shows.
    const swapped = { ...checkpoint, chunks: [checkpoint.chunks[1], ...checkpoint.chunks.slice(1)] as Uint8Array[] };
    expect(restorer.offer(snapshotOf(swapped), hash)).toBe("accept");
    expect(["accept", "reject"]).toContain(restorer.apply(0, chunk(1)));
    expect(restorer.offer(snapshot, hash)).toBe("accept");
    const answers = checkpoint.chunks.map((_, i) => restorer.apply(i, chunk(i)));
    expect(answers.at(-1)).toBe("complete");
  });
});

test("a process killed at any write goes on with the same chain, kept heights and checkpoints", async () => {
  const options = { keep: KEEP, change: withCheckpoints };
  const whole = new DeadlyDisk(new MemoryDisk(), Number.POSITIVE_INFINITY);
  const reference = new HistoryChain(whole, options);
  await reference.upTo(HEIGHT);
  reference.clock.run();
  const expected = toHex(reference.app.appHash);
  const random = new Random();
  for (let i = 0; i < 30; i++) {
    const killAt = 1 + random.below(whole.writes);
    const label = `${random.label}, write ${killAt} of ${whole.writes}`;
    const inner = new MemoryDisk();
    const killed = (async () => {
      const chain = new HistoryChain(new DeadlyDisk(inner, killAt), options);
      await chain.upTo(HEIGHT, random.below(4));
      chain.clock.run();
    })();
    await killed.catch((error: unknown) => expect(error, label).toBeInstanceOf(Killed));
    const chain = new HistoryChain(inner, options);
    chain.kept();
    await chain.upTo(HEIGHT);
    chain.clock.run();
    expect(toHex(chain.app.appHash), label).toBe(expected);
    expect(chain.kept(), label).toEqual({ earliest: HEIGHT - BigInt(KEEP), latest: HEIGHT });
    const { checkpoints } = chain.backend;
    expect(checkpoints.versions().at(-1), label).toBe(21n);
    for (const checkpoint of checkpoints.list()) {
      expect(restored(checkpoints, checkpoint), label).toBe(toHex(checkpoint.root.hash));
    }
    const versions = new Set(checkpoints.versions());
    for (let version = 1n; version <= HEIGHT; version++) {
      if (!versions.has(version)) expect(checkpoints.chunk(version, 0), label).toBeUndefined();
    }
  }
}, 600_000);
