import { keyValue } from "@qanat/example-kv";
import { describe, expect, test } from "vitest";
import { toHex, utf8 } from "#common/bytes.js";
import { MemoryDisk } from "#common/memory-disk.js";
import type { ReadSyncer } from "#mkvs/sync.js";
import { type HostEnvironment, HostHandler } from "#runtime/host/host-handler.js";
import type { RuntimeHostEvent } from "#runtime/host/host.js";
import { InProcessHost } from "#runtime/host/in-process.js";
import { DiskLocalStorage } from "#runtime/host/local-storage.js";
import { defineRuntime, method, noArguments, nullable, struct, text } from "#runtime/kit/index.js";
import { type Body, bodyOf, EXECUTION_MODE } from "#runtime/rhp/messages/index.js";
import { IoTree } from "#runtime/transaction/io-tree.js";
import { KeptLog, ManualClock, settle } from "../support/world.ts";
import { call, RUNTIME_ID, TestNode } from "../support/node.ts";

class Key extends struct("Key", { key: text({ max: 100 }) }) {}
const entry = (key: string, value: string): Uint8Array =>
  struct("E", { key: text({ max: 100 }), value: text({ max: 1000 }) }).encode({ key, value });

const NODE_ID = new Uint8Array(32).fill(7);

function hosted(program = keyValue) {
  const node = new TestNode();
  const clock = new ManualClock();
  const log = new KeptLog();
  const environment = { nodeId: NODE_ID, localStorage: new DiskLocalStorage(new MemoryDisk(), RUNTIME_ID) };
  const host = new InProcessHost({
    runtimeId: RUNTIME_ID,
    program,
    chainContext: "00",
    environment,
    port: node,
    clock,
    log,
  });
  const events: RuntimeHostEvent[] = [];
  const subscription = host.watch();
  void (async () => {
    for await (const event of subscription) events.push(event);
  })();
  return { node, clock, log, host, events };
}

describe("a runtime of the kit in this process", () => {
  test("starts, checks, schedules, executes, answers queries and stops", async () => {
    const { node, host, events } = hosted();
    await host.start();
    expect(host.info?.features.scheduleControl).toEqual({ initialBatchSize: 100 });
    const inputs = [call("alice", 0, "insert", entry("k", "v")), call("bob", 0, "get", Key.encode({ key: "k" }))];
    const checked = await host.call("RuntimeCheckTxBatchRequest", node.checking(inputs), 1000);
    expect(checked.results.map(({ error }) => error.code)).toEqual([0, 0]);
    const batch = await host.call("RuntimeExecuteTxBatchRequest", node.scheduling(inputs), 1000);
    const again = { ...node.scheduling(inputs), mode: EXECUTION_MODE.execute, ioRoot: batch.txInputRoot };
    expect(await host.call("RuntimeExecuteTxBatchRequest", again, 1000)).toEqual(batch);
    node.finalize(batch);
    const query = await host.call("RuntimeQueryRequest", node.querying("get", Key.encode({ key: "k" })), 1000);
    expect(toHex(query.data)).toBe(`61${toHex(utf8("v"))}`);
    await host.abort();
    await host.stop();
    await settle();
    expect(events.map(({ type }) => type)).toEqual(["started", "stopped"]);
    await expect(host.call("RuntimePingRequest", {}, 1000)).rejects.toMatchObject({ problem: "closed" });
  });

  test("an error of the runtime leaves it running", async () => {
    const { node, host } = hosted();
    await host.start();
    const query = host.call("RuntimeQueryRequest", node.querying("enc_get", Uint8Array.of(0xf6)), 1000);
    await expect(query).rejects.toMatchObject({ module: "test", code: 1, message: "method not found" });
    expect(await host.call("RuntimePingRequest", {}, 1000)).toEqual({});
    await host.stop();
  });

  test("a broken runtime is stopped and started anew, each time after a longer pause", async () => {
    const crash = method({
      args: noArguments,
      result: nullable(text({ max: 1 })),
      execute() {
        throw new TypeError("bug");
      },
    });
    const { node, host, clock, events } = hosted(
      defineRuntime({ version: { major: 0, minor: 0, patch: 1 }, methods: { crash } }),
    );
    await host.start();
    for (const pause of [0, 500, 750, 1125]) {
      const batch = host.call("RuntimeExecuteTxBatchRequest", node.scheduling([call("a", 0, "crash")]), 60_000);
      await expect(batch).rejects.toMatchObject({ problem: "closed" });
      expect(host.info).toBeUndefined();
      await clock.advance(pause - 1);
      if (pause > 0) expect(host.info).toBeUndefined();
      await clock.advance(1);
      expect(host.info).toBeDefined();
    }
    // A good run makes the next failure the first one again.
    await clock.advance(900_000);
    await expect(
      host.call("RuntimeExecuteTxBatchRequest", node.scheduling([call("a", 0, "crash")]), 60_000),
    ).rejects.toMatchObject({ problem: "closed" });
    await clock.advance(0);
    expect(host.info).toBeDefined();
    await host.stop();
    await settle();
    expect(events.filter(({ type }) => type === "started")).toHaveLength(6);
    expect(clock.pending).toBe(0);
  });

  test("forced abort starts a new life", async () => {
    const { host, clock, events } = hosted();
    await host.start();
    await host.abort(true);
    await clock.advance(0);
    expect(await host.call("RuntimePingRequest", {}, 1000)).toEqual({});
    await host.stop();
    await settle();
    expect(events.map(({ type }) => type)).toEqual(["started", "stopped", "started", "stopped"]);
  });

  test("a state that the host does not have is an error answer", async () => {
    const { node, host } = hosted();
    await host.start();
    node.header = { ...node.header, round: 9n, stateRoot: new Uint8Array(32).fill(1) };
    const batch = host.call("RuntimeExecuteTxBatchRequest", node.scheduling([]), 1000);
    await expect(batch).rejects.toMatchObject({ module: "storage/mkvs/db" });
    expect(await host.call("RuntimePingRequest", {}, 1000)).toEqual({});
    await host.stop();
  });

  test("the trees that a batch leads to read back", async () => {
    const { node, host } = hosted();
    await host.start();
    const inputs = Array.from({ length: 5 }, (_, i) => call(`s${i}`, 0, "insert", entry(`k${i}`, "v")));
    node.finalize(await host.call("RuntimeExecuteTxBatchRequest", node.scheduling(inputs), 1000));
    const { header } = node;
    const root = { namespace: RUNTIME_ID, version: header.round, type: 2, hash: header.ioRoot };
    expect(new IoTree(node.openTree(root)).inputBatch()).toEqual(inputs);
    await host.stop();
  });
});

describe("what a runtime asks of its host", () => {
  const proof = { v: 0, untrustedRoot: new Uint8Array(32), entries: [null] };
  const trees: ReadSyncer = {
    syncGet: () => ({ proof }),
    syncGetPrefixes: () => ({ proof }),
    syncIterate: () => ({ proof }),
  };
  const environment: HostEnvironment = {
    nodeId: NODE_ID,
    localStorage: new DiskLocalStorage(new MemoryDisk(), RUNTIME_ID),
    consensusTrees: trees,
    fetchTransactions: (limit) => Array.from({ length: limit }, () => utf8("tx")),
  };
  const handler = new HostHandler(environment);
  const answer = async (request: Body): Promise<Body> => handler.handle(request);

  test("identity, local storage and more transactions", async () => {
    expect(await answer(bodyOf("HostIdentityRequest", {}))).toEqual(
      bodyOf("HostIdentityResponse", { nodeId: NODE_ID }),
    );
    const key = utf8("key");
    expect(await answer(bodyOf("HostLocalStorageGetRequest", { key }))).toMatchObject({ value: { value: null } });
    await answer(bodyOf("HostLocalStorageSetRequest", { key, value: utf8("v") }));
    expect(await answer(bodyOf("HostLocalStorageGetRequest", { key }))).toMatchObject({ value: { value: utf8("v") } });
    const offset = new Uint8Array(0);
    const more = await answer(bodyOf("HostFetchTxBatchRequest", { offset, limit: 5000 }));
    expect(more.type === "HostFetchTxBatchResponse" && more.value.batch.length).toBe(100);
  });

  test("proofs come from the endpoint that was asked for", async () => {
    const tree = { root: { namespace: RUNTIME_ID, version: 1n, type: 1, hash: NODE_ID }, position: NODE_ID };
    const syncGet = { tree, key: utf8("k"), includeSiblings: false, proofVersion: 0 };
    expect(await answer(bodyOf("HostStorageSyncRequest", { endpoint: 1, syncGet }))).toEqual(
      bodyOf("HostStorageSyncResponse", { proofResponse: { proof } }),
    );
    await expect(answer(bodyOf("HostStorageSyncRequest", { endpoint: 0, syncGet }))).rejects.toMatchObject({
      message: "endpoint not supported",
    });
    await expect(answer(bodyOf("HostStorageSyncRequest", { endpoint: 1 }))).rejects.toMatchObject({
      message: "method not supported",
    });
  });

  test("what it does not offer is refused in the words of the reference", async () => {
    const key = new Uint8Array(0);
    await expect(answer(bodyOf("HostLocalStorageGetRequest", { key }))).rejects.toMatchObject({
      module: "unknown",
      code: 1,
      message: "invalid local storage key",
    });
    await expect(answer(bodyOf("HostFetchGenesisHeightRequest", {}))).rejects.toMatchObject({
      module: "unknown",
      message: "method not supported",
    });
    await expect(answer(bodyOf("RuntimePingRequest", {}))).rejects.toMatchObject({ message: "method not supported" });
  });

  test("one that does not wait gets only what is there at once", () => {
    const consensus = { genesisHeight: () => 7n, proveFreshness: () => Promise.reject(new Error("late")) };
    const asked = new HostHandler({ ...environment, consensus: consensus as never });
    expect(asked.ask("HostIdentityRequest", {})).toEqual({ nodeId: NODE_ID });
    expect(asked.ask("HostFetchGenesisHeightRequest", {})).toEqual({ height: 7n });
    const blob = new Uint8Array(32);
    expect(() => asked.ask("HostProveFreshnessRequest", { blob })).toThrow("cannot be answered at once");
  });
});
