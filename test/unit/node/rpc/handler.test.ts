import { setImmediate as immediate } from "node:timers/promises";
import { decode } from "cborg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addressFromPublicKey } from "#common/address.js";
import { Cancellation } from "#common/cancellation.js";
import { SubscriberTooSlow } from "#common/event-hub.js";
import { type Channel, createClient, rpcErrors, RpcCode, statusOf } from "#common/rpc/index.js";
import { Quantity } from "#common/quantity.js";
import { Application } from "#consensus/app/app.js";
import { STATE_NAMESPACE } from "#consensus/app/state-root.js";
import { chainContext, GenesisDocument, parseGenesis, printGenesis } from "#consensus/genesis/document.js";
import { genesisInput } from "#consensus/genesis/start.js";
import { consensusMethods } from "#consensus/rpc.js";
import { getEpoch } from "#consensus/services/beacon/queries.js";
import { beaconMethods } from "#consensus/services/beacon/rpc.js";
import { EXECUTION_ORDER, SUBSCRIPTION_ORDER } from "#consensus/services/index.js";
import { keyManagerSecretsMethods } from "#consensus/services/keymanager/rpc.js";
import { registryMethods } from "#consensus/services/registry/rpc.js";
import { rootHashMethods } from "#consensus/services/roothash/rpc.js";
import { schedulerMethods } from "#consensus/services/scheduler/rpc.js";
import { account } from "#consensus/services/staking/queries.js";
import { stakingMethods } from "#consensus/services/staking/rpc.js";
import { SignedTransaction, signTransaction } from "#consensus/transaction/transaction.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import { Tree } from "#mkvs/tree/tree.js";
import { nodeControllerMethods } from "#node/rpc/control-methods.js";
import { buildHandler } from "#node/rpc/index.js";
import { systemClock } from "#platform/clock.js";
import { buildNetwork, type BuiltNetwork, RUNTIME_ID } from "../../../interop/support/network.ts";

let built: BuiltNetwork;
let channel: Channel;

beforeAll(async () => {
  built = buildNetwork();
  const { handler, network } = built;
  channel = {
    unary(path, request, { cancellation = new Cancellation().token }) {
      const answer = handler.handle(path, request, { cancellation });
      if (answer.kind === "stream") throw new Error(`${path} is a stream`);
      return answer.result;
    },
    stream(path, request, { cancellation = new Cancellation().token }) {
      const answer = handler.handle(path, request, { cancellation });
      if (answer.kind === "unary") throw new Error(`${path} is no stream`);
      return answer.items;
    },
  };
  await network.start();
});
afterAll(() => built.network.stop());

const consensus = () => createClient(consensusMethods, channel);
const beacon = () => createClient(beaconMethods, channel);
const latest = (): bigint => built.network.backend.latestHeight;

/** Makes blocks back to back. */
async function produce(count: bigint): Promise<void> {
  const end = latest() + count;
  await built.network.backend.produceUntil(
    () => latest() >= end,
    async () => {
      await immediate();
    },
  );
}

async function firstItems<T>(stream: AsyncIterable<T>, count: number): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) {
    items.push(item);
    if (items.length === count) break;
  }
  return items;
}

describe("Heights of the client API", () => {
  test("of 0 mean the latest block", async () => {
    const block = await consensus().GetBlock(0n);
    expect(block.height).toBe(await consensus().GetLatestHeight());
    expect(block).toEqual(await consensus().GetBlock(block.height));
  });

  test("that are not kept are refused with the range that is", async () => {
    const kept = new RegExp(`height 123456, kept are 1 to ${latest()}`);
    const calls = [
      consensus().GetBlock(123_456n),
      consensus().GetBlockResults(123_456n),
      consensus().GetTransactionsWithResults(123_456n),
      consensus().GetLightBlock(123_456n),
      consensus().GetParameters(123_456n),
      beacon().GetEpoch(123_456n),
      createClient(stakingMethods, channel).GetEvents(123_456n),
    ];
    for (const call of calls) await expect(call).rejects.toMatchObject({ module: "consensus", code: 3 });
    await expect(consensus().GetBlock(123_456n)).rejects.toThrow(kept);
    await expect(consensus().GetBlock(-1n)).rejects.toMatchObject({ module: "consensus", code: 3 });
  });

  test("may be the next one for validators and light blocks", async () => {
    const next = latest() + 1n;
    expect((await consensus().GetValidators(next)).height).toBe(next);
    expect((await consensus().GetLightBlock(next)).meta.length).toBeGreaterThan(100);
  });
});

describe("Transactions of the client API", () => {
  const submit = async (body: Uint8Array): Promise<null> => {
    const { signer } = built.accounts[5] as (typeof built.accounts)[number];
    const height = 0n;
    const accountAddress = addressFromPublicKey(signer.publicKey);
    const nonce = await consensus().GetSignerNonce({ accountAddress, height });
    const draft = { nonce, fee: undefined, method: "staking.Burn", body };
    const gas = await consensus().EstimateGas({ signer: signer.publicKey, transaction: draft });
    const raw = signTransaction(signer, { ...draft, fee: { amount: 0n, gas } }, await consensus().GetChainContext());
    return consensus().SubmitTx(SignedTransaction.decode(raw));
  };

  test("are answered when they are in a block", async () => {
    const supply = () => createClient(stakingMethods, channel).TotalSupply(0n);
    const before = await supply();
    // {"amount": 7}
    expect(
      await submit(Uint8Array.of(0xa1, 0x66, 0x61, 0x6d, 0x6f, 0x75, 0x6e, 0x74, ...Quantity.encode(7n))),
    ).toBeNull();
    expect(await supply()).toBe(before - 7n);
  });

  test("that fail are answered with their coded error", async () => {
    await expect(submit(Uint8Array.of(0x01))).rejects.toMatchObject({ module: "staking", code: 1 });
  });

  test("are not estimated when there is none", async () => {
    const call = consensus().EstimateGas({ signer: new Uint8Array(32), transaction: null });
    await expect(call).rejects.toMatchObject({ module: "consensus", code: 6 });
  });
});

describe("Streams of the client API", () => {
  test("bring each block once and in order", async () => {
    const next = latest() + 1n;
    const blocks = firstItems(consensus().WatchBlocks(), 5);
    await immediate();
    await produce(5n);
    expect((await blocks).map(({ height }) => height)).toEqual([0n, 1n, 2n, 3n, 4n].map((i) => next + i));
  });

  test("drop a client that reads too slowly, with a coded error and without holding up the chain", async () => {
    const stream = consensus().WatchBlocks()[Symbol.asyncIterator]();
    const first = stream.next();
    await immediate();
    const before = latest();
    await produce(300n);
    expect(latest()).toBeGreaterThanOrEqual(before + 300n);
    await first;
    const error: unknown = await stream.next().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SubscriberTooSlow);
    const { module, code } = rpcErrors.slowReader;
    expect(statusOf(error)).toMatchObject({ code: RpcCode.resourceExhausted, coded: { module, code } });
  });

  test("end when the call is cancelled", async () => {
    const cancellation = new Cancellation();
    const stream = beacon().WatchEpochs(null, { cancellation: cancellation.token })[Symbol.asyncIterator]();
    expect((await stream.next()).value).toBe(await beacon().GetEpoch(0n));
    const next = stream.next();
    cancellation.cancel();
    expect((await next).done).toBe(true);
  });

  test("begin with the current epoch and bring every later one", async () => {
    const now = await beacon().GetEpoch(0n);
    const epochs = firstItems(beacon().WatchEpochs(), 3);
    const waited = beacon().WaitEpoch(now + 2n);
    await built.network.backend.produceUntil(
      () => getEpoch(built.network.backend.stateAt(0n)) >= now + 2n,
      async () => {
        await immediate();
      },
    );
    expect(await epochs).toEqual([now, now + 1n, now + 2n]);
    expect(await waited).toBeNull();
  });

  test("bring the blocks of a runtime without gaps, the newest first", async () => {
    const runtime = createClient(rootHashMethods, channel);
    const state = await runtime.GetRuntimeState({ runtimeId: RUNTIME_ID, height: 0n });
    const watched = firstItems(runtime.WatchBlocks(RUNTIME_ID), 3);
    await produce(80n);
    const round = state.lastBlock?.header.round ?? 0n;
    const items = await watched;
    expect(items.map(({ block }) => block?.header.round)).toEqual([round, round + 1n, round + 2n]);
    for (const { height, block } of items) {
      expect((await runtime.GetLatestBlock({ runtimeId: RUNTIME_ID, height }))?.header).toEqual(block?.header);
    }
  });

  test("begin with the committees and runtimes that there are", async () => {
    const [committee] = await firstItems(createClient(schedulerMethods, channel).WatchCommittees(), 1);
    expect(committee?.runtimeId).toEqual(RUNTIME_ID);
    const [runtime] = await firstItems(createClient(registryMethods, channel).WatchRuntimes(), 1);
    expect(runtime?.id).toEqual(RUNTIME_ID);
    const [list] = await firstItems(createClient(registryMethods, channel).WatchNodeList(), 1);
    expect(list?.nodes?.length).toBe(9);
  });
});

test("the height of each epoch is where its first state is", async () => {
  const now = await beacon().GetEpoch(0n);
  for (let epoch = await beacon().GetBaseEpoch(); epoch <= now; epoch++) {
    const height = await beacon().GetEpochBlock(epoch);
    expect(await beacon().GetEpoch(height)).toBe(epoch);
    if (height > 1n) expect(await beacon().GetEpoch(height - 1n)).toBe(epoch - 1n);
  }
  await expect(beacon().GetEpochBlock(now + 1n)).rejects.toThrow("historic epoch");
});

test("the state is read with proofs against the root that the next block carries", async () => {
  await produce(1n);
  const { stateRoot } = await consensus().GetBlock(0n);
  const key = Uint8Array.of(0x51);
  const tree = { root: stateRoot, position: stateRoot.hash };
  // Reading is synchronous, so the proof is asked for beforehand.
  const answer = await consensus().StateSyncGet({ tree, key, includeSiblings: false, proofVersion: 0 });
  const syncer = { syncGet: () => answer, syncGetPrefixes: () => answer, syncIterate: () => answer };
  const value = new Tree({ root: stateRoot, syncer }).get(key);
  const supply = await createClient(stakingMethods, channel).TotalSupply(stateRoot.version);
  expect(Quantity.decode(value ?? new Uint8Array(0))).toBe(supply);
  const forged = { ...stateRoot, hash: stateRoot.hash.with(0, (stateRoot.hash[0] ?? 0) ^ 1) };
  expect(() => new Tree({ root: forged, syncer }).get(key)).toThrow();
});

test("the exported document starts a chain with the same accounts, and prints and parses to itself", async () => {
  const document = await consensus().StateToGenesis(0n);
  expect(chainContext(parseGenesis(printGenesis(document)))).toBe(chainContext(document));
  expect(GenesisDocument.decode(GenesisDocument.encode(document)).height).toBe(document.height);
  const app = new Application({
    services: EXECUTION_ORDER,
    subscriptionOrder: SUBSCRIPTION_ORDER,
    db: new MemoryNodeDb(STATE_NAMESPACE),
    genesis: genesisInput({ ...document, height: document.height + 1n }),
    debug: { dontBlameOasis: true, allowTestKeys: true, allowDebugEnclaves: true },
  });
  const owner = addressFromPublicKey(built.accounts[1]?.signer.publicKey as Uint8Array);
  const expected = await createClient(stakingMethods, channel).Account({ height: document.height, owner });
  expect(account(app.stateAt(0n), owner)).toEqual(expected);
});

test("the key manager's secrets are told without CHURP, which has methods of its own", async () => {
  const { keymanager } = await consensus().StateToGenesis(0n);
  const secrets = await createClient(keyManagerSecretsMethods, channel).StateToGenesis(0n);
  expect(keymanager.churp).toBeDefined();
  expect(secrets).toEqual({ ...keymanager, churp: undefined });
});

test("the node tells about itself and refuses what it cannot do", async () => {
  const control = createClient(nodeControllerMethods, channel);
  const status = await control.GetStatus();
  expect(status.mode).toBe("client");
  expect(status.consensus?.chainContext).toBe(chainContext(built.genesis));
  expect(status.runtimes.get(RUNTIME_ID)?.latestRound).toBeGreaterThan(0n);
  expect(await control.IsReady()).toBe(true);
  expect(await control.WaitReady()).toBeNull();
  for (const call of [control.RequestShutdown(true), control.AddBundle("x.orc")]) {
    await expect(call).rejects.toMatchObject({ module: "control", code: 1 });
  }
});

test("a node in the committee tells its roles in the form of the reference: a byte string", async () => {
  const { network, genesis } = built;
  const working = network.nodes.find(({ runtimes }) => runtimes.some(({ status }) => status.membership === "worker"));
  if (working === undefined) return expect.unreachable("nobody works");
  const upgrades = network.upgrades;
  const base = { upgrades, backend: network.backend, genesis, softwareVersion: "test", clock: systemClock };
  const handler = buildHandler({ ...base, node: working });
  const answer = handler.handle("/oasis-core.NodeController/GetStatus", Uint8Array.of(0xf6), {
    cancellation: new Cancellation().token,
  });
  const status = decode(await (answer.kind === "unary" ? answer.result : expect.unreachable("a stream")), {
    useMaps: true,
  }) as Map<string, Map<Uint8Array, Map<string, unknown>>>;
  const [runtime] = status.get("runtimes")?.values() ?? [];
  const committee = runtime?.get("committee") as Map<string, unknown> | undefined;
  const roles = committee?.get("executor_roles");
  expect(roles).toBeInstanceOf(Uint8Array);
  // A worker may be a backup worker too.
  expect((roles as Uint8Array)[0]).toBe(1);
  expect(committee?.get("status")).toBe(0);
  expect(runtime?.get("executor")).toEqual(new Map([["status", 0]]));
  expect(runtime?.get("last_retained_round")).toBe(0);
});

test("nothing is logged as an error", () => {
  expect(built.complaints).toEqual([]);
});
