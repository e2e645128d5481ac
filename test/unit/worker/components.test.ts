import { afterEach, describe, expect, test } from "vitest";
import { fromUtf8, toHex, utf8 } from "#common/bytes.js";
import { MemoryDisk } from "#common/memory-disk.js";
import type { RunningRuntime } from "#runtime/host/launcher.js";
import { ProcessHost } from "#runtime/host/process.js";
import { queueStream } from "#runtime/host/queue-stream.js";
import { DiskLocalStorage } from "#runtime/host/local-storage.js";
import type { SupervisedSite } from "#runtime/host/supervised.js";
import { CallOutput } from "#runtime/kit/index.js";
import { Connection } from "#runtime/rhp/connection.js";
import { type Body, bodyOf, type BodyValue, RPC_KIND, RuntimeQueryRequest } from "#runtime/rhp/messages/index.js";
import type { ComponentOffer } from "#worker/component/component.js";
import { CONFIG_QUERY, ComponentConfig } from "#runtime/component/config.js";
import { ComponentStorage } from "#worker/component/services.js";
import type { RuntimeWorker } from "#worker/runtime-worker.js";
import { insertCall, provisionKeyValue, RUNTIME_ID, type TestNetwork, testNetwork } from "./support/local-network.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

type Notified = BodyValue<"RuntimeNotifyRequest">;
type Config = Parameters<typeof ComponentConfig.encode>[0]["notifications"];

/** A component that does what a test wants: the runtime's end of the protocol, without a runtime behind it. */
class Scripted {
  readonly notified: Notified[] = [];
  readonly synced: bigint[] = [];
  /** How often it was asked what it wants to be told, and how often it does not answer. */
  asked = 0;
  mute = 0;
  runs = 0;
  /** Called before it answers a notification. */
  busy: () => Promise<void> = () => Promise.resolve();
  private connection: Connection | undefined;

  constructor(readonly wants: Config) {}

  readonly offer: ComponentOffer = {
    name: "watcher",
    provision: (site) => new ProcessHost({ ...site, launcher: { launch: async () => this.launch(site) } }),
  };

  private launch({ clock: time, log }: SupervisedSite): RunningRuntime {
    this.runs++;
    const [stream, end] = queueStream();
    const handler = (request: Body): Promise<Body> => this.answer(request);
    const connection = new Connection({ side: "runtime", stream: end, handler, clock: time, log });
    connection.open();
    connection.ready();
    this.connection = connection;
    return { stream, kill: () => connection.close(), ended: Promise.resolve() };
  }

  private async answer(request: Body): Promise<Body> {
    switch (request.type) {
      case "RuntimeInfoRequest":
        return bodyOf("RuntimeInfoResponse", {
          protocolVersion: { major: 5, minor: 1, patch: 0 },
          runtimeVersion: { major: 0, minor: 1, patch: 0 },
          features: { keyManagerQuotePolicyUpdates: true, keyManagerStatusUpdates: true, endorsedCapabilityTee: true },
        });
      case "RuntimeQueryRequest":
        expect(request.value).toEqual({ ...RuntimeQueryRequest.zero(), method: CONFIG_QUERY });
        this.asked++;
        if (this.mute-- > 0) return bodyOf("Error", { module: "test", code: 1, message: "not yet" });
        return bodyOf("RuntimeQueryResponse", { data: ComponentConfig.encode({ notifications: this.wants }) });
      case "RuntimeConsensusSyncRequest":
        this.synced.push(request.value.height);
        return bodyOf("RuntimeConsensusSyncResponse", {});
      case "RuntimeNotifyRequest":
        this.notified.push(request.value);
        await this.busy();
        return bodyOf("Empty", {});
      default:
        return bodyOf("Empty", {});
    }
  }

  get host(): Connection {
    return this.connection ?? expect.unreachable("it does not run");
  }

  end(): void {
    this.host.close();
  }
}

let net: TestNetwork;
let clock: VirtualClock;
let worker: RuntimeWorker;

async function start(scripted: Scripted): Promise<void> {
  clock = new VirtualClock(1_700_000_000_000);
  net = testNetwork(provisionKeyValue, new Map(), {
    clock,
    components: ({ name }) => (name === "client-0" ? [scripted.offer] : []),
  });
  await net.network.start();
  worker = net.worker("client-0");
  await rounds(() => scripted.asked > scripted.mute && scripted.asked > 0);
}

/** Lets rounds pass until something is so. */
async function rounds(condition: () => boolean): Promise<void> {
  const watched = worker.watchRounds();
  while (!condition()) await watched.next();
  watched.close();
}

const submit = (nonce: bigint, key = "k") => worker.client.submitTxMeta(insertCall("alice", nonce, key, "v"));
const request = (data: Uint8Array, wait: boolean) => ({ runtimeId: RUNTIME_ID, data, wait, prove: false });

describe("a component beside a runtime", () => {
  afterEach(async () => {
    await net.network.stop();
    clock.stop();
  });

  test("is told of every block, and of events as often as their tags were emitted", async () => {
    const scripted = new Scripted({ blocks: true, events: [utf8("kv_insertion.k"), utf8("kv_op")] });
    await start(scripted);
    const [first, second] = await Promise.all([submit(0n), submit(1n, "other")]);
    await rounds(() =>
      scripted.notified.some(({ runtimeBlock }) => (runtimeBlock?.block?.header.round ?? 0n) > second.round),
    );
    const events = scripted.notified.flatMap(({ runtimeEvent }) => runtimeEvent ?? []);
    const told = new Map(events.map(({ block, tags }) => [block?.block?.header.round, tags.map(fromUtf8)]));
    const expected = first.round === second.round ? ["kv_insertion.k", "kv_op", "kv_op"] : ["kv_insertion.k", "kv_op"];
    expect(told.get(first.round)).toEqual(expected);
    const blocks = scripted.notified.flatMap(({ runtimeBlock }) => runtimeBlock?.block?.header.round ?? []);
    expect(blocks).toEqual([...blocks].sort((a, b) => Number(a - b)));
    expect(scripted.synced.length).toBeGreaterThan(0);
  });

  test("is asked what it wants until it says so, and not again when it was started anew", async () => {
    const scripted = new Scripted({ blocks: true, events: [] });
    scripted.mute = 2;
    await start(scripted);
    await rounds(() => scripted.notified.length > 0);
    expect(scripted.asked).toBe(3);
    const before = scripted.notified.length;
    scripted.end();
    await rounds(() => scripted.runs === 2 && scripted.notified.length > before + 1);
    expect(scripted.asked).toBe(3);
  });

  test("that takes its time hears of the newest block next", async () => {
    const scripted = new Scripted({ blocks: true, events: [] });
    let release: () => void = () => undefined;
    scripted.busy = () => new Promise((done) => (release = done));
    await start(scripted);
    await rounds(() => scripted.notified.length === 1);
    const from = worker.status.syncedRound as bigint;
    await rounds(() => (worker.status.syncedRound as bigint) >= from + 2n);
    scripted.busy = () => Promise.resolve();
    release();
    await rounds(() => scripted.notified.length > 1);
    const [first, second] = scripted.notified.map(({ runtimeBlock }) => runtimeBlock?.block?.header.round as bigint);
    expect((second as bigint) - (first as bigint)).toBeGreaterThan(1n);
  });

  test("submits transactions, waits for them if it wants to, and is told why one is refused", async () => {
    const scripted = new Scripted({ blocks: false, events: [] });
    await start(scripted);
    const { host } = scripted;
    const waited = await host.call("HostSubmitTxRequest", request(insertCall("rofl", 0n, "a", "b"), true), 100_000);
    expect(CallOutput.decode(waited.output)).toEqual({ type: "Success", value: Uint8Array.of(0xf6) });
    expect(waited.round).toBeGreaterThan(0n);
    const sent = await host.call("HostSubmitTxRequest", request(insertCall("rofl", 1n, "a", "c"), false), 100_000);
    expect(sent).toMatchObject({ output: new Uint8Array(0), round: 0n });
    const junk = host.call("HostSubmitTxRequest", request(utf8("junk"), true), 100_000);
    await expect(junk).rejects.toMatchObject({
      module: "runtime/client",
      code: 5,
      message: "client: transaction check failed: runtime error: module: test code: 1 message: malformed transaction",
    });
    const elsewhere = { ...request(utf8("x"), true), runtimeId: new Uint8Array(32) };
    await expect(host.call("HostSubmitTxRequest", elsewhere, 100_000)).rejects.toMatchObject({
      module: "runtime/client",
      code: 6,
      message: "client: no hosted runtime is available",
    });
    // A nonce in the future is never executed.
    const never = host.call("HostSubmitTxRequest", request(insertCall("rofl", 9n, "a", "d"), true), 100_000);
    const before = clock.nowMs();
    await expect(never).rejects.toMatchObject({ module: "unknown", code: 1, message: "context deadline exceeded" });
    expect(clock.nowMs() - before).toBeGreaterThanOrEqual(60_000);
  });

  test("that waits for a transaction does not keep a node from stopping", async () => {
    const scripted = new Scripted({ blocks: false, events: [] });
    await start(scripted);
    const of = request(insertCall("rofl", 9n, "a", "d"), true);
    const component = expect(scripted.host.call("HostSubmitTxRequest", of, 100_000)).rejects.toThrow();
    const client = expect(submit(9n)).rejects.toMatchObject({ module: "txpool", code: 6 });
    await rounds(() => worker.client.getUnconfirmedTransactions().length === 2);
    await net.network.stop();
    await Promise.all([component, client]);
    expect(clock.waiting).toBe(0);
  });

  test("may change what it is told, reads what the runtime reads, and reaches no endpoint that is not there", async () => {
    const scripted = new Scripted({ blocks: false, events: [] });
    await start(scripted);
    const { host } = scripted;
    await rounds(() => scripted.asked > 0);
    expect(await host.call("HostRegisterNotifyRequest", { runtimeBlock: true, runtimeEvent: undefined }, 1000)).toEqual(
      {},
    );
    await rounds(() => scripted.notified.length > 0);
    const { nodeId } = await host.call("HostIdentityRequest", {}, 1000);
    expect(toHex(nodeId)).toBe(toHex(net.network.node("client-0").identity.node.publicKey));
    expect((await host.call("HostFetchConsensusBlockRequest", { height: 1n }, 1000)).block.height).toBe(1n);
    const call = { requestId: 1n, request: utf8("?"), nodes: [], pf: undefined };
    const refusals: readonly (readonly [string, number, string])[] = [
      ["ronl", RPC_KIND.insecureQuery, "only secure noise sessions are allowed"],
      // The runtime has the word, and this is no frame of a session.
      ["ronl", RPC_KIND.noiseSession, "malformed payload"],
      ["key-manager", RPC_KIND.noiseSession, "endpoint not supported"],
      ["bundle-manager", RPC_KIND.localQuery, "endpoint not supported"],
    ];
    for (const [endpoint, kind, message] of refusals) {
      await expect(host.call("HostRPCCallRequest", { ...call, endpoint, kind }, 5000)).rejects.toThrow(message);
    }
    await expect(host.call("HostFetchTxBatchRequest", { offset: new Uint8Array(0), limit: 1 }, 1000)).rejects.toThrow(
      "method not supported",
    );
  });
});

test("what a component stores is apart from what the runtime and other components store", () => {
  const runtime = new DiskLocalStorage(new MemoryDisk(), RUNTIME_ID);
  const [one, two] = ["one", "two"].map((name) => new ComponentStorage(runtime, name)) as [
    ComponentStorage,
    ComponentStorage,
  ];
  one.set(utf8("key"), utf8("1"));
  two.set(utf8("key"), utf8("2"));
  expect([one, two].map((storage) => storage.get(utf8("key")))).toEqual([utf8("1"), utf8("2")]);
  expect(runtime.get(utf8("rofl.one:key"))).toEqual(utf8("1"));
  expect(runtime.get(utf8("key"))).toBeUndefined();
});
