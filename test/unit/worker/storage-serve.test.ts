import { beforeEach, describe, expect, test } from "vitest";
import { toHex, utf8 } from "#common/bytes.js";
import { MemoryDisk } from "#common/memory-disk.js";
import type { Header } from "#consensus/services/roothash/types.js";
import { checkpointErrors } from "#mkvs/checkpoint/errors.js";
import { nodeDbErrors } from "#mkvs/errors.js";
import { isEmptyRoot, ROOT_IO, ROOT_STATE } from "#mkvs/node/root.js";
import { verifyProofToWriteLog } from "#mkvs/proof/verify.js";
import { type MemoryHost, MemoryNetwork } from "#p2p/memory-network.js";
import { callPeer, protocolId } from "#p2p/protocol.js";
import { systemClock } from "#platform/clock.js";
import { RoundCheckpoints } from "#worker/storage/checkpoint-store.js";
import { CHECKPOINT_SYNC, DIFF_SYNC, STORAGE_PUB, STORAGE_SYNC } from "#worker/storage/protocols.js";
import { ioRootOf, stateRootOf } from "#worker/storage/round-roots.js";
import { serveStorage } from "#worker/storage/serve.js";
import { RUNTIME_ID, silentLog } from "./support/local-network.ts";
import { CHAIN, checkpointRound, inOrder, makeRounds } from "./support/storage-source.ts";

const source = makeRounds(12n, 100);
const { checkpoints, made } = checkpointRound(source, 10n, { chunkSize: 1024 });
const headerOf = (round: number): Header => source.headers[round] as Header;
let own: MemoryHost;
let peer: MemoryHost;

beforeEach(() => {
  const network = new MemoryNetwork({ clock: systemClock, log: silentLog });
  own = network.connect(new Uint8Array(32).fill(1));
  peer = network.connect(new Uint8Array(32).fill(2));
});

function serve(isPublic: boolean): () => void {
  const common = { p2p: peer, chainContext: CHAIN, runtimeId: RUNTIME_ID, db: source.db };
  return serveStorage({ ...common, checkpoints, public: isPublic });
}

const id = (protocol: typeof STORAGE_PUB | typeof STORAGE_SYNC | typeof DIFF_SYNC | typeof CHECKPOINT_SYNC): string =>
  protocolId(CHAIN, protocol, RUNTIME_ID);

async function refused(call: Promise<unknown>, error: { is(e: unknown): boolean }): Promise<void> {
  const thrown = await call.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error.is(thrown), String(thrown)).toBe(true);
}

describe("what peers may ask of storage", () => {
  test("has the names of the reference", () => {
    const names = [CHECKPOINT_SYNC, DIFF_SYNC, STORAGE_SYNC, STORAGE_PUB].map(id);
    const runtime = toHex(RUNTIME_ID);
    expect(names).toEqual([
      `/oasis/${CHAIN}/checkpointsync/${runtime}/1.0.0`,
      `/oasis/${CHAIN}/diffsync/${runtime}/1.0.0`,
      `/oasis/${CHAIN}/storagesync/${runtime}/2.0.0`,
      `/oasis/${CHAIN}/storagepub/${runtime}/2.0.0`,
    ]);
  });

  test("ends when serving ends", async () => {
    const end = serve(true);
    expect(own.peers(id(STORAGE_PUB))).toHaveLength(1);
    end();
    for (const protocol of [CHECKPOINT_SYNC, DIFF_SYNC, STORAGE_SYNC, STORAGE_PUB]) {
      expect(own.peers(id(protocol))).toEqual([]);
    }
  });

  test("is answered with the errors of the reference when it is not there", async () => {
    serve(false);
    const [start, end] = [stateRootOf(headerOf(3)), stateRootOf(headerOf(4))];
    const diff = (startRoot: typeof start, endRoot: typeof end) =>
      callPeer(own, peer.publicKey, id(DIFF_SYNC), DIFF_SYNC, "GetDiff", { startRoot, endRoot });
    expect((await diff(start, end)).writeLog.length).toBeGreaterThan(0);
    const empty = { ...ioRootOf(headerOf(3)) };
    expect(isEmptyRoot(empty)).toBe(true);
    expect((await diff(empty, empty)).writeLog).toEqual([]);
    await refused(diff(start, { ...end, hash: new Uint8Array(32) }), nodeDbErrors.rootNotFound);
    await refused(diff(stateRootOf(headerOf(2)), end), nodeDbErrors.rootMustFollowOld);
    // Whether one may follow the other is looked at first.
    await refused(diff(start, { ...end, version: 100n }), nodeDbErrors.rootMustFollowOld);
    await refused(diff({ ...start, hash: new Uint8Array(32) }, end), nodeDbErrors.writeLogNotFound);
  });

  test("are checkpoints of one version only, and chunks that match their description", async () => {
    serve(false);
    const list = (version: number) =>
      callPeer(own, peer.publicKey, id(CHECKPOINT_SYNC), CHECKPOINT_SYNC, "GetCheckpoints", { version });
    expect((await list(1)).checkpoints).toEqual(inOrder(made));
    expect((await list(2)).checkpoints).toEqual([]);
    const [state] = made;
    const request = { version: 1, root: state?.root as never, index: 1n, digest: state?.chunks[1] as Uint8Array };
    const chunk = (changes: Partial<typeof request>) =>
      callPeer(own, peer.publicKey, id(CHECKPOINT_SYNC), CHECKPOINT_SYNC, "GetCheckpointChunk", {
        ...request,
        ...changes,
      });
    expect((await chunk({})).chunk).toEqual(checkpoints.chunk(request));
    for (const wrong of [
      { version: 2 },
      { index: 10_000n },
      { index: 1n << 63n },
      { digest: new Uint8Array(32) },
      { root: { ...(state?.root as object), version: 9n } as never },
      { root: { ...(state?.root as object), hash: new Uint8Array(32) } as never },
      { root: { ...(state?.root as object), namespace: new Uint8Array(32) } as never },
    ]) {
      await refused(chunk(wrong), checkpointErrors.chunkNotFound);
    }
  });

  test("are listed as the folders of the reference: rounds by their digits, then by root", () => {
    const listed = new RoundCheckpoints(new MemoryDisk(), RUNTIME_ID);
    for (const version of [9n, 100n, 10n, 2n]) {
      const of = (type: number, first: number) => ({
        version: 1,
        root: { namespace: RUNTIME_ID, version, type, hash: new Uint8Array(32).fill(first) },
        chunks: [new Uint8Array(32)],
      });
      // Whose hash is less comes first, whatever its type.
      listed.complete(version === 9n ? [of(ROOT_STATE, 2), of(ROOT_IO, 1)] : [of(ROOT_STATE, 1), of(ROOT_IO, 2)]);
    }
    const { rounds, order } = { rounds: listed.list().map(({ root }) => root.version), order: listed.list(9n) };
    expect(rounds).toEqual([10n, 10n, 100n, 100n, 2n, 2n, 9n, 9n]);
    expect(order.map(({ root }) => root.type)).toEqual([ROOT_IO, ROOT_STATE]);
    expect(listed.list().map(({ root }) => root.hash[0])).toEqual([1, 2, 1, 2, 1, 2, 1, 2]);
  });

  test("are proofs only where the node has the role for it", async () => {
    const root = stateRootOf(headerOf(12));
    const key = utf8("key 7 of many");
    const request = { tree: { root, position: root.hash }, key, includeSiblings: false, proofVersion: 1 };
    const get = () => callPeer(own, peer.publicKey, id(STORAGE_PUB), STORAGE_PUB, "Get", request);
    const end = serve(false);
    expect(own.peers(id(STORAGE_PUB))).toEqual([]);
    await expect(get()).rejects.toThrow("cannot be reached");
    end();
    serve(true);
    const proven = verifyProofToWriteLog(root.hash, (await get()).proof);
    expect(proven.map(([found]) => found)).toEqual([key]);
    const { tree } = request;
    const prefixes = await callPeer(own, peer.publicKey, id(STORAGE_PUB), STORAGE_PUB, "GetPrefixes", {
      tree,
      prefixes: [utf8("key 1")],
      limit: 50,
      proofVersion: 1,
    });
    expect(verifyProofToWriteLog(root.hash, prefixes.proof).length).toBeGreaterThanOrEqual(11);
    const iterated = await callPeer(own, peer.publicKey, id(STORAGE_PUB), STORAGE_PUB, "Iterate", {
      tree,
      key,
      prefetch: 3,
      proofVersion: 0,
    });
    expect(verifyProofToWriteLog(root.hash, iterated.proof).length).toBeGreaterThanOrEqual(4);
  });

  test("leaves nothing of a checkpoint that was removed", () => {
    const { checkpoints: own } = checkpointRound(source, 10n, { disk: new MemoryDisk() });
    own.remove(10n);
    expect([own.rounds(), own.list()]).toEqual([[], []]);
    expect(own.part(made[0]?.root as never, 0)).toBeUndefined();
    expect(new RoundCheckpoints(new MemoryDisk(), RUNTIME_ID).rounds()).toEqual([]);
  });
});
