import { keyValue } from "@qanat/example-kv";
import { describe, expect, test } from "vitest";
import { utf8 } from "#common/bytes.js";
import { EMPTY_HASH } from "#common/hash.js";
import { MemoryDisk } from "#common/memory-disk.js";
import { BlockHistory, type RecordedBlock, ROUND_LATEST } from "#runtime/history/block-history.js";
import { RoundReader } from "#runtime/history/round-reader.js";
import { Dispatcher, struct, text } from "#runtime/kit/index.js";
import { bodyOf } from "#runtime/rhp/messages/index.js";
import { settle } from "../support/world.ts";
import { call, RUNTIME_ID, TestNode } from "../support/node.ts";

function block(round: number, height = round + 10): RecordedBlock {
  return { height: BigInt(height), header: { ...new TestNode().header, round: BigInt(round) } };
}

describe("recording", () => {
  test("blocks are found by round, across a restart", () => {
    const disk = new MemoryDisk();
    const history = new BlockHistory(disk, RUNTIME_ID);
    expect(history.lastRound).toBeUndefined();
    expect(history.block(ROUND_LATEST)).toBeUndefined();
    history.record([block(0), block(1)]);
    history.record([block(5)]);
    const again = new BlockHistory(disk, RUNTIME_ID);
    expect([again.lastRound, again.lastHeight]).toEqual([5n, 15n]);
    expect(again.block(1n)).toEqual(block(1));
    expect(again.block(2n)).toBeUndefined();
    expect(again.block(ROUND_LATEST)).toEqual(block(5));
    expect(again.earliest()).toEqual(block(0));
  });

  test("blocks that go back or are of another runtime are refused and leave nothing behind", () => {
    const history = new BlockHistory(new MemoryDisk(), RUNTIME_ID);
    history.record([block(3)]);
    expect(() => history.record([block(4), block(4)])).toThrow("round: 4 is not after 4");
    expect(() => history.record([block(4, 12)])).toThrow("height: 12 is before 13");
    const foreign = { height: 20n, header: { ...block(4).header, namespace: new Uint8Array(32) } };
    expect(() => history.record([foreign])).toThrow("namespace");
    expect(history.lastRound).toBe(3n);
    expect(history.recordedBlock(4n)).toBeUndefined();
  });

  test("two runtimes share a disk", () => {
    const disk = new MemoryDisk();
    new BlockHistory(disk, RUNTIME_ID).record([block(1)]);
    expect(new BlockHistory(disk, new Uint8Array(32)).lastRound).toBeUndefined();
  });
});

describe("rounds whose storage is there", () => {
  test("a round counts only when storage has it, and watchers hear of it then", async () => {
    const history = new BlockHistory(new MemoryDisk(), RUNTIME_ID, { honorSync: true });
    const heard: string[] = [];
    const listen = async (name: string, events: AsyncIterable<RecordedBlock>): Promise<void> => {
      for await (const { header } of events) heard.push(`${name} ${header.round}`);
    };
    void listen("recorded", history.watchRecorded());
    void listen("synced", history.watch());
    history.record([block(1), block(2)]);
    expect(history.block(ROUND_LATEST)).toBeUndefined();
    expect(history.recordedBlock(ROUND_LATEST)).toEqual(block(2));
    history.setSynced(1n);
    history.setSynced(1n);
    await settle();
    expect(heard.sort()).toEqual(["recorded 1", "recorded 2", "synced 1"]);
    expect(history.block(ROUND_LATEST)).toEqual(block(1));
    expect(history.block(2n)).toBeUndefined();
    history.setSynced(2n);
    expect(history.lastSyncedRound).toBe(2n);
    expect(() => history.setSynced(1n)).toThrow("after that of round 2");
    expect(() => history.setSynced(9n)).toThrow("not recorded");
    history.close();
  });
});

describe("pruning", () => {
  test("at most 64 rounds go at a time and the last one stays", () => {
    const history = new BlockHistory(new MemoryDisk(), RUNTIME_ID);
    history.record(Array.from({ length: 100 }, (_, i) => block(i)));
    expect(history.pruneBefore(90n)).toHaveLength(64);
    expect(history.pruneBefore(90n)).toHaveLength(26);
    expect(history.earliest()?.header.round).toBe(90n);
    expect(history.pruneBefore(1000n)).toHaveLength(9);
    expect(history.earliest()?.header.round).toBe(99n);
  });
});

test("transactions, outputs and tags of a round are read from the tree that its block names", () => {
  const node = new TestNode();
  const dispatcher = new Dispatcher(keyValue, node);
  dispatcher.handle(
    bodyOf("RuntimeInfoRequest", {
      runtimeId: RUNTIME_ID,
      consensusBackend: "tendermint",
      consensusProtocolVersion: { major: 7, minor: 0, patch: 0 },
      consensusChainContext: "",
    }),
  );
  const Pair = struct("Pair", { key: text({ max: 10 }), value: text({ max: 10 }) });
  const inputs = ["b", "a"].map((key, i) => call(key, 0, "insert", Pair.encode({ key, value: `${i}` })));
  const answer = dispatcher.handle(bodyOf("RuntimeExecuteTxBatchRequest", node.scheduling(inputs)));
  if (answer.type !== "RuntimeExecuteTxBatchResponse") throw new TypeError(answer.type);
  const before = node.header;
  node.finalize(answer.value);
  const reader = new RoundReader(node.db);
  expect(before.ioRoot).toEqual(EMPTY_HASH);
  expect(reader.transactions(before)).toEqual([]);
  expect(reader.transactions(node.header).map(({ input }) => input)).toEqual(inputs);
  const [txHash] = answer.value.txHashes;
  expect(reader.transaction(node.header, txHash ?? EMPTY_HASH)?.batchOrder).toBe(0);
  expect(reader.transaction(node.header, EMPTY_HASH)).toBeUndefined();
  expect(reader.tags(node.header).filter(({ key }) => key.length === 6)).toHaveLength(2);
  expect(reader.tags(node.header)[0]?.key).toEqual(utf8("kv_insertion.a"));
});
