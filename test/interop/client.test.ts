/** The published JavaScript client, unmodified, against a whole network in this process. */
import {
  client as oasisClient,
  consensus,
  hash,
  misc,
  quantity,
  runtime,
  signature,
  staking,
  type types,
} from "@oasisprotocol/client";
import { encode } from "cborg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installBrowserRequest } from "./support/browser-request.ts";
import { RUNTIME_ID, type RunningNetwork, startNetwork } from "./support/network.ts";

const NOTE = "this key is not important";

let running: RunningNetwork | undefined;
let node: oasisClient.NodeInternal;

beforeAll(async () => {
  installBrowserRequest();
  running = await startNetwork();
  node = new oasisClient.NodeInternal(running.url);
});
afterAll(() => running?.stop());

/** A stream of the client, as its users see it. */
interface Stream<T> {
  on(event: "data", callback: (item: T) => void): unknown;
  on(event: "error", callback: (error: Error) => void): unknown;
  cancel(): void;
}

/** Items of a stream until one of them is the last that is wanted. */
function collect<T>(stream: Stream<T>, isLast: (item: T, items: readonly T[]) => boolean): Promise<T[]> {
  return new Promise((resolve, reject) => {
    const items: T[] = [];
    stream.on("data", (item) => {
      items.push(item);
      if (!isLast(item, items)) return;
      stream.cancel();
      resolve(items);
    });
    stream.on("error", reject);
  });
}

function signerOf(account: number): signature.BlindContextSigner {
  const seed = running?.accounts[account]?.seed ?? new Uint8Array(32);
  return new signature.BlindContextSigner(signature.NaclSigner.fromSeed(seed, NOTE));
}

const addressOf = (signer: signature.BlindContextSigner) => staking.addressFromPublicKey(signer.public());

/** Fills in nonce and fee of a transaction and signs it, with the client's own helpers. */
async function priceAndSign<B>(wrapper: consensus.TransactionWrapper<B>, account: number): Promise<void> {
  const signer = signerOf(account);
  const nonce = await node.consensusGetSignerNonce({ account_address: addressOf(signer), height: 0n });
  wrapper.setNonce(nonce ?? 0n).setFeeAmount(quantity.fromBigInt(0n));
  wrapper.setFeeGas(await wrapper.estimateGas(node, signer.public()));
  await wrapper.sign(signer, await node.consensusGetChainContext());
}

async function signedTransfer(from: number, to: Uint8Array, amount: bigint) {
  const wrapper = staking.transferWrapper();
  wrapper.setBody({ to, amount: quantity.fromBigInt(amount) });
  await priceAndSign(wrapper, from);
  return wrapper;
}

/** The result and position of a transaction that is in one of the latest blocks. */
async function find(txHash: string) {
  const latest = BigInt(await node.consensusGetLatestHeight());
  for (let height = latest; height > 0n; height--) {
    const { transactions, results } = await node.consensusGetTransactionsWithResults(height);
    const index = transactions.findIndex((raw) => misc.toHex(hash.hash(raw)) === txHash);
    if (index >= 0) return { height, result: results[index] as types.ConsensusResult };
  }
  throw new Error(`transaction ${txHash} is in no block`);
}

describe("The consensus layer through the public client", () => {
  test("tells the same chain in chain context, genesis document and status", async () => {
    const context = await node.consensusGetChainContext();
    const document = await node.consensusGetGenesisDocument();
    const status = await node.consensusGetStatus();
    expect(misc.toHex(hash.hash(misc.toCBOR(document)))).toBe(context);
    expect(status).toMatchObject({ chain_context: context, backend: "tendermint", status: 0, genesis_height: 1 });
    expect(status.latest_hash).toHaveLength(32);
    const controller = await node.nodeControllerGetStatus();
    expect(controller).toMatchObject({ mode: "client", consensus: { chain_context: context } });
    expect(await node.nodeControllerIsReady()).toBe(true);
  });

  test("reads the funded account of the well-known test entity", async () => {
    const owner = addressOf(signerOf(0));
    expect(staking.addressToBech32(owner)).toBe("oasis1qzzd6khm3acqskpxlk9vd5044cmmcce78y5l6000");
    const account = await node.stakingAccount({ height: consensus.HEIGHT_LATEST, owner });
    expect(quantity.toBigInt(account.general?.balance as Uint8Array)).toBeGreaterThan(0n);
    expect(quantity.toBigInt(account.escrow?.active?.balance as Uint8Array)).toBe(100_000_000_000_000n);
  });

  test("sends a transfer and sees it in a block with its events", async () => {
    const [sender, receiver] = [addressOf(signerOf(1)), addressOf(signerOf(2))];
    const before = await node.stakingAccount({ height: 0n, owner: receiver });
    const transfer = await signedTransfer(1, receiver, 12_345n);
    await transfer.submit(node);
    const txHash = transfer.hash();
    const { height, result } = await find(txHash);
    expect(result.error).toEqual(new Map());
    expect(Number(result.gas_used)).toBeGreaterThan(1000);
    const own = result.events.filter((event) => event.staking?.transfer !== undefined);
    expect(own).toHaveLength(1);
    expect(own[0]?.staking).toMatchObject({
      height: Number(height),
      tx_hash: misc.fromHex(txHash),
      transfer: { from: sender, to: receiver, amount: quantity.fromBigInt(12_345n) },
    });
    const events = await node.stakingGetEvents(height);
    expect(
      events.some((event) => event.transfer !== undefined && misc.toHex(event.tx_hash as Uint8Array) === txHash),
    ).toBe(true);
    const after = await node.stakingAccount({ height, owner: receiver });
    const balance = (account: types.StakingAccount) => quantity.toBigInt(account.general?.balance as Uint8Array);
    expect(balance(after) - balance(before)).toBe(12_345n);
    expect((await node.stakingAccount({ height, owner: sender })).general?.nonce).toBe(1);
  });

  test("proves a transfer to be in its block", async () => {
    const transfer = await signedTransfer(3, addressOf(signerOf(2)), 1n);
    const proof = await node.consensusSubmitTxWithProof(transfer.signedTransaction as types.SignatureSigned);
    const { transactions, proofs } = await node.consensusGetTransactionsWithProofs(proof.height);
    const txHash = transfer.hash();
    const index = transactions.findIndex((raw) => misc.toHex(hash.hash(raw)) === txHash);
    expect(proofs[index]).toEqual(proof.raw_proof);
    expect(misc.fromCBOR(proof.raw_proof)).toMatchObject({ total: transactions.length, index });
  });

  test("gets the coded error of a transaction that cannot pass", async () => {
    const nothing = staking.reclaimEscrowWrapper();
    nothing.setBody({ account: addressOf(signerOf(0)), shares: quantity.fromBigInt(0n) });
    await priceAndSign(nothing, 4);
    await expect(nothing.submit(node)).rejects.toMatchObject({ oasisModule: "staking", oasisCode: 1 });
    const poor = await signedTransfer(4, addressOf(signerOf(2)), 10n ** 30n);
    await expect(poor.submit(node)).rejects.toThrow("insufficient balance");
    const stale = await signedTransfer(4, addressOf(signerOf(2)), 1n);
    stale.setNonce(0n);
    await stale.sign(signerOf(4), await node.consensusGetChainContext());
    await expect(stale.submit(node)).rejects.toMatchObject({ oasisModule: "consensus/transaction", oasisCode: 1 });
    await expect(node.consensusGetBlock(10_000_000n)).rejects.toMatchObject({ oasisModule: "consensus", oasisCode: 3 });
  });

  test("watches blocks and epochs", async () => {
    const latest = BigInt(await node.consensusGetLatestHeight());
    const blocks = await collect(node.consensusWatchBlocks(), (_, items) => items.length === 3);
    const heights = blocks.map((block) => BigInt(block.height));
    expect(heights[0]).toBeGreaterThan(latest);
    expect(heights).toEqual([0n, 1n, 2n].map((i) => (heights[0] as bigint) + i));
    for (const block of blocks) expect(await node.consensusGetBlock(block.height)).toEqual(block);
    const [epoch] = await collect(node.beaconWatchLatestEpoch(), () => true);
    expect(BigInt(epoch as types.longnum)).toBeGreaterThan(0n);
    expect((await collect(node.beaconWatchEpochs(), () => true)).length).toBe(1);
  });

  test("finds nodes, entities, runtimes and committees", async () => {
    const nodes = await node.registryGetNodes(0n);
    expect(nodes).toHaveLength(9);
    const [first] = nodes as [types.Node];
    expect(await node.registryGetNode({ height: 0n, id: first.id })).toEqual(first);
    expect((await node.registryGetEntities(0n)).length).toBe(10);
    const descriptor = await node.registryGetRuntime({ height: 0n, id: RUNTIME_ID });
    expect(descriptor.executor).toMatchObject({ group_size: 3, group_backup_size: 2 });
    const [committee] = await node.schedulerGetCommittees({ height: 0n, runtime_id: RUNTIME_ID });
    expect(committee?.members).toHaveLength(5);
    expect(await node.schedulerGetValidators(0n)).toHaveLength(4);
  });
});

test("every method of the public client is served", () => {
  const services =
    /^(beacon|scheduler|registry|staking|keyManager|rootHash|governance|storageWorker|storage|runtimeClient|consensus|nodeController|debugController)(.*)$/;
  const missing: string[] = [];
  for (const name of Object.getOwnPropertyNames(oasisClient.NodeInternal.prototype)) {
    const [, service, method] = services.exec(name) ?? [];
    if (service === undefined) continue;
    const path = `/oasis-core.${service.charAt(0).toUpperCase()}${service.slice(1)}/${method}`;
    if (running?.handler.kindOf(path) === undefined) missing.push(name);
  }
  expect(missing).toEqual([]);
});

describe("A runtime through the public client", () => {
  const sender = new Uint8Array(32).fill(7);
  const call = (nonce: number, method: string, args: object): Uint8Array =>
    misc.toCBOR({ sender, nonce, method, args });
  const entry = (key: string, value: string) => ({ key, value, generation: 0, churp_id: 0 });

  test("takes key-value transactions, answers queries and reports rounds", async () => {
    const watched = collect(node.rootHashWatchBlocks(RUNTIME_ID), (_, items) => items.length === 3);
    const first = await node.runtimeClientSubmitTxMeta({
      runtime_id: RUNTIME_ID,
      data: call(0, "insert", entry("a", "one")),
    });
    expect(first.check_tx_error).toBeUndefined();
    expect(misc.fromCBOR(first.data as Uint8Array)).toEqual({ Success: null });
    const output = await node.runtimeClientSubmitTx({
      runtime_id: RUNTIME_ID,
      data: call(1, "insert", entry("a", "two")),
    });
    expect(misc.fromCBOR(output)).toEqual({ Success: "one" });

    const query = { runtime_id: RUNTIME_ID, method: "get", args: encode({ key: "a", generation: 0, churp_id: 0 }) };
    const latest = await node.runtimeClientQuery({ ...query, round: runtime.CLIENT_ROUND_LATEST });
    expect(misc.fromCBOR(latest.data)).toBe("two");
    const earlier = await node.runtimeClientQuery({ ...query, round: first.round as types.longnum });
    expect(misc.fromCBOR(earlier.data)).toBe("one");

    const of = { runtime_id: RUNTIME_ID, round: first.round as types.longnum };
    const [result] = await node.runtimeClientGetTransactionsWithResults(of);
    expect(result?.tx).toEqual(call(0, "insert", entry("a", "one")));
    expect(result?.events?.map((event) => misc.toStringUTF8(event.key)).sort()).toEqual(
      ["kv_insertion.a", "kv_key", "kv_op"].sort(),
    );
    expect((await node.runtimeClientGetEvents(of)).length).toBe(3);
    const block = await node.runtimeClientGetBlock(of);
    expect(block.header.round).toBe(first.round);

    const rounds = (await watched).map((annotated) => Number(annotated.block.header.round));
    expect(rounds).toEqual([0, 1, 2].map((i) => (rounds[0] as number) + i));
  });

  test("streams its blocks", async () => {
    const watched = collect(node.runtimeClientWatchBlocks(RUNTIME_ID), (_, items) => items.length === 2);
    await node.runtimeClientSubmitTx({
      runtime_id: RUNTIME_ID,
      data: call(2, "remove", { key: "a", generation: 0, churp_id: 0 }),
    });
    const [latest, next] = (await watched).map((annotated) => Number(annotated.block.header.round));
    expect(next).toBe((latest as number) + 1);
  });

  test("refuses a transaction with the error of its check", async () => {
    const data = call(3, "insert", entry("a", "x".repeat(129)));
    const refused = node.runtimeClientSubmitTx({ runtime_id: RUNTIME_ID, data });
    await expect(refused).rejects.toMatchObject({ oasisModule: "runtime/client", oasisCode: 5 });
    const other = RUNTIME_ID.with(31, 1);
    const unknown = node.runtimeClientGetBlock({ runtime_id: other, round: 0n });
    await expect(unknown).rejects.toThrow(`runtime/registry: runtime ${misc.toHex(other)} not found`);
    // The status says what is wrong even to clients that cannot read the code beside it.
    const future = node.runtimeClientGetBlock({ runtime_id: RUNTIME_ID, round: 1_000_000n });
    await expect(future).rejects.toMatchObject({ oasisModule: "roothash", oasisCode: 2, cause: { code: 5 } });
  });

  test("leaves no error in the log", () => {
    expect(running?.complaints).toEqual([]);
  });
});
