/** All calls of the published JavaScript client about runtimes and their storage, unmodified. */
import { client as oasisClient, hash, misc, runtime, type types } from "@oasisprotocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { concatBytes } from "#common/bytes.js";
import { EMPTY_HASH } from "#common/hash.js";
import { Proof } from "#mkvs/proof/proof.js";
import { verifyProofToWriteLog } from "#mkvs/proof/verify.js";
import { installBrowserRequest } from "./support/browser-request.ts";
import { RUNTIME_ID, type RunningNetwork, startNetwork } from "./support/network.ts";

/** Rounds from one checkpoint to the next. */
const INTERVAL = 10n;

let running: RunningNetwork | undefined;
let node: oasisClient.NodeInternal;
let nonce = 0;
const sender = new Uint8Array(32).fill(5);

beforeAll(async () => {
  installBrowserRequest();
  running = await startNetwork((genesis) => {
    for (const descriptor of genesis.registry.runtimes ?? []) {
      if (descriptor === null) continue;
      descriptor.storage.checkpointInterval = INTERVAL;
      descriptor.storage.checkpointNumKept = 2n;
      descriptor.storage.checkpointChunkSize = 1n << 20n;
    }
  });
  node = new oasisClient.NodeInternal(running.url);
});
afterAll(() => running?.stop());

function insert(key: string, value: string): Uint8Array {
  return misc.toCBOR({ sender, nonce: nonce++, method: "insert", args: { key, value, generation: 0, churp_id: 0 } });
}

async function submit(key: string, value: string): Promise<bigint> {
  const data = insert(key, value);
  const { round } = await node.runtimeClientSubmitTxMeta({ runtime_id: RUNTIME_ID, data });
  return BigInt(round as types.longnum);
}

interface Stream<T> {
  on(event: "error", callback: (error: Error) => void): unknown;
  on(event: "data", callback: (item: T) => void): unknown;
  on(event: "end", callback: () => void): unknown;
}

/** All items of a stream that ends. */
function all<T>(stream: Stream<T>): Promise<T[]> {
  return new Promise((resolve, reject) => {
    const items: T[] = [];
    stream.on("data", (item) => items.push(item));
    stream.on("error", reject);
    stream.on("end", () => resolve(items));
  });
}

const at = (round: bigint) => ({ runtime_id: RUNTIME_ID, round });
const headerOf = async (round: bigint) => (await node.runtimeClientGetBlock(at(round))).header;

/** State after a round, as the client names it. */
async function stateRoot(round: bigint): Promise<types.StorageRoot> {
  return { ns: RUNTIME_ID, version: round, root_type: 1, hash: (await headerOf(round)).state_root };
}

function entriesOf(response: types.StorageProofResponse, root: types.StorageRoot): Map<string, string> {
  const proof = Proof.decode(misc.toCBOR(response.proof), "rpc");
  const log = verifyProofToWriteLog(root.hash, proof);
  return new Map(log.map(([key, value]) => [misc.toHex(key), misc.toHex(value ?? new Uint8Array(0))]));
}

describe("A runtime through the public client", () => {
  test("checks a transaction, and takes one without waiting for its round", async () => {
    const data = insert("no wait", "yes");
    await node.runtimeClientCheckTx({ runtime_id: RUNTIME_ID, data });
    const refused = node.runtimeClientCheckTx({ runtime_id: RUNTIME_ID, data: Uint8Array.of(1) });
    await expect(refused).rejects.toMatchObject({ oasisModule: "runtime/client", oasisCode: 5 });
    await node.runtimeClientSubmitTxNoWait({ runtime_id: RUNTIME_ID, data });
    const waiting = await node.runtimeClientGetUnconfirmedTransactions(RUNTIME_ID);
    expect((waiting ?? []).every((raw) => raw instanceof Uint8Array)).toBe(true);
    const round = await submit("after it", "too");
    const found: string[] = [];
    for (let r = 0n; r <= round; r++) {
      const transactions = await node.runtimeClientGetTransactions(at(r));
      found.push(...(transactions ?? []).map((raw) => misc.toHex(hash.hash(raw))));
    }
    expect(found).toContain(misc.toHex(hash.hash(data)));
  });

  test("tells its first block and the first one that is kept", async () => {
    const genesis = await node.runtimeClientGetGenesisBlock(RUNTIME_ID);
    expect(genesis.header).toMatchObject({ round: 0, state_root: EMPTY_HASH, io_root: EMPTY_HASH });
    expect(await node.runtimeClientGetLastRetainedBlock(RUNTIME_ID)).toEqual(genesis);
    const latest = await node.runtimeClientGetBlock({ runtime_id: RUNTIME_ID, round: runtime.CLIENT_ROUND_LATEST });
    expect(Number(latest.header.round)).toBeGreaterThan(0);
  });
});

describe("Storage through the public client", () => {
  test("proves single keys, prefixes and the keys that follow one", async () => {
    const round = await submit("proven", "value");
    const root = await stateRoot(round);
    const tree = { root, position: root.hash };
    const everything = entriesOf(
      await node.storageSyncGetPrefixes({ tree, prefixes: [new Uint8Array(0)], limit: 1000 }),
      root,
    );
    const [key, value] = [...everything].find(([, found]) => found === misc.toHex(misc.fromString("value"))) ?? [];
    expect(key).toBeDefined();
    const wanted = misc.fromHex(key as string);
    const got = entriesOf(await node.storageSyncGet({ tree, key: wanted, proof_version: 1 }), root);
    expect(got.get(key as string)).toBe(value);
    const followed = entriesOf(await node.storageSyncIterate({ tree, key: wanted, prefetch: 10 }), root);
    expect(followed.get(key as string)).toBe(value);
    const gone = { ...root, version: 10_000_000n };
    await expect(node.storageSyncGet({ tree: { root: gone, position: gone.hash }, key: wanted })).rejects.toMatchObject(
      { oasisModule: "storage/mkvs/db", oasisCode: 8 },
    );
  });

  test("streams what a round changed, all of it or from a key on", async () => {
    const round = await submit("differs", "now");
    const [start, end] = [await stateRoot(round - 1n), await stateRoot(round)];
    const options = { offset_key: new Uint8Array(0), limit: 0 };
    const chunks = await all(node.storageGetDiff({ start_root: start, end_root: end, options }));
    expect(chunks.map(({ final }) => final)).toEqual([...chunks.slice(1).map(() => false), true]);
    const log = chunks.flatMap(({ writelog }) => writelog ?? []);
    expect(log.length).toBeGreaterThan(0);
    expect(log.map(([, value]) => value && misc.toStringUTF8(value))).toContain("now");
    const first = await all(
      node.storageGetDiff({ start_root: start, end_root: end, options: { ...options, limit: 1 } }),
    );
    expect(first.flatMap(({ writelog }) => writelog ?? [])).toEqual(log.slice(0, 1));
    const offset = { offset_key: (log[0] as types.StorageLogEntry)[0], limit: 0 };
    const rest = await all(node.storageGetDiff({ start_root: start, end_root: end, options: offset }));
    expect(rest.flatMap(({ writelog }) => writelog ?? [])).toEqual(log.slice(1));
    const unknown = { ...end, hash: new Uint8Array(32).fill(1) };
    // The client maps coded errors of calls, not those of streams.
    const nothing = all(node.storageGetDiff({ start_root: start, end_root: unknown, options }));
    await expect(nothing).rejects.toThrow("mkvs: root not found");
  });

  test("lists checkpoints and gives their chunks", async () => {
    const request = { version: 1, namespace: RUNTIME_ID };
    let newest: types.StorageMetadata[] = [];
    for (let round = 0n; newest.length < 2; ) {
      const due = (round / INTERVAL) * INTERVAL;
      newest = due === 0n ? [] : ((await node.storageGetCheckpoints({ ...request, root_version: due })) ?? []);
      round = await submit("another", "round");
    }
    const [state, io] = newest as [types.StorageMetadata, types.StorageMetadata];
    const { header } = await node.runtimeClientGetBlock(at(BigInt(state.root.version)));
    expect([state.root.hash, io.root.hash]).toEqual([header.state_root, header.io_root]);
    expect([state.root.root_type, io.root.root_type]).toEqual([1, 2]);
    const digest = state.chunks[0] as Uint8Array;
    const chunk = { version: 1, root: state.root, index: 0, digest };
    const parts = await all(node.storageGetCheckpointChunk(chunk));
    expect(hash.hash(concatBytes(...parts))).toEqual(digest);
    expect(await node.storageGetCheckpoints({ ...request, version: 2 })).toEqual([]);
    expect((await node.storageGetCheckpoints(request)).length).toBeGreaterThanOrEqual(4);
    const missing = all(node.storageGetCheckpointChunk({ ...chunk, index: 99 }));
    await expect(missing).rejects.toThrow("checkpoint: chunk not found");
  });

  test("tells the last round, and pauses the making of checkpoints", async () => {
    const round = await submit("last", "round");
    const last = await node.storageWorkerGetLastSyncedRound({ runtime_id: RUNTIME_ID });
    expect(BigInt(last.round)).toBeGreaterThanOrEqual(round);
    const header = await headerOf(BigInt(last.round));
    expect([last.io_root.hash, last.state_root.hash]).toEqual([header.io_root, header.state_root]);
    await node.storageWorkerPauseCheckpointer({ runtime_id: RUNTIME_ID, pause: true });
    await node.storageWorkerPauseCheckpointer({ runtime_id: RUNTIME_ID, pause: false });
    const status = await node.nodeControllerGetStatus();
    const own = [...(status.runtimes?.values() ?? [])][0];
    expect(own?.storage).toMatchObject({ status: "syncing rounds" });
    const other = RUNTIME_ID.with(31, 1);
    await expect(node.storageWorkerGetLastSyncedRound({ runtime_id: other })).rejects.toMatchObject({
      oasisModule: "worker/storage",
      oasisCode: 1,
    });
  });

  test("leaves no error in the log", () => {
    expect(running?.complaints).toEqual([]);
  });
});
