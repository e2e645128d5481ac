import { beforeEach, describe, expect, test } from "vitest";
import { utf8 } from "#common/bytes.js";
import type { Header } from "#consensus/services/roothash/types.js";
import type { Proof } from "#mkvs/proof/proof.js";
import { verifyProof, verifyProofToWriteLog } from "#mkvs/proof/verify.js";
import { ROLE_STORAGE, ROLE_STORAGE_RPC } from "#common/node-roles.js";
import { treeReads } from "#node/rpc/storage.js";
import { NodeDbSyncer } from "#mkvs/sync.js";
import { MemoryNetwork } from "#p2p/memory-network.js";
import type { P2pHost } from "#p2p/host.js";
import { protocolId, servePeers } from "#p2p/protocol.js";
import { systemClock } from "#platform/clock.js";
import { STORAGE_PUB } from "#worker/storage/protocols.js";
import { PublicStorage } from "#worker/storage/public-storage.js";
import { stateRootOf } from "#worker/storage/round-roots.js";
import { serveStorage } from "#worker/storage/serve.js";
import { insertCall, provisionKeyValue, RUNTIME_ID, silentLog, testNetwork } from "./support/local-network.ts";
import { CHAIN, checkpointRound, makeRounds } from "./support/storage-source.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

const source = makeRounds(12n, 100);
const { checkpoints } = checkpointRound(source, 10n, { chunkSize: 1024 });
const root = stateRootOf(source.headers[12] as Header);
const tree = { root, position: root.hash };
const key = utf8("key 7 of many");
const request = { tree, key, includeSiblings: false, proofVersion: 1 };
const PROTOCOL = protocolId(CHAIN, STORAGE_PUB, RUNTIME_ID);

let streams: MemoryNetwork;
/** What the client said of its peers, in order: number of the peer and its worth. */
let said: string[];
let client: PublicStorage;

beforeEach(() => {
  streams = new MemoryNetwork({ clock: systemClock, log: silentLog });
  said = [];
  const own = streams.connect(new Uint8Array(32).fill(1));
  const told: P2pHost = Object.assign(Object.create(own) as P2pHost, {
    feedback(peer: Uint8Array, protocol: string, outcome: "success" | "failure" | "bad-peer") {
      said.push(`${peer[0]} ${outcome}`);
      own.feedback(peer, protocol, outcome);
    },
  });
  client = new PublicStorage(told, CHAIN, silentLog);
});

/** A peer that has the trees. */
function honest(number: number): void {
  const p2p = streams.connect(new Uint8Array(32).fill(number));
  serveStorage({ p2p, chainContext: CHAIN, runtimeId: RUNTIME_ID, db: source.db, checkpoints, public: true });
}

/** A peer whose proofs are not what they should be. */
function liar(number: number, mangle: (proof: Proof) => Proof): void {
  const p2p = streams.connect(new Uint8Array(32).fill(number));
  const proof = mangle(new NodeDbSyncer(source.db).syncGet(request).proof);
  const answer = () => ({ proof });
  servePeers(p2p, PROTOCOL, STORAGE_PUB, { Get: answer, GetPrefixes: answer, Iterate: answer });
}

describe("trees that only peers have", () => {
  test("are read from peers with the role for it, with proofs", async () => {
    honest(2);
    const proof = (await client.get(request))?.proof as Proof;
    expect(verifyProofToWriteLog(root.hash, proof).map(([found]) => found)).toEqual([key]);
    const some = await client.getPrefixes({ tree, prefixes: [utf8("key 1")], limit: 50, proofVersion: 0 });
    expect(verifyProofToWriteLog(root.hash, some?.proof as Proof).length).toBeGreaterThanOrEqual(11);
    const next = await client.iterate({ tree, key, prefetch: 3, proofVersion: 1 });
    expect(verifyProofToWriteLog(root.hash, next?.proof as Proof).length).toBeGreaterThanOrEqual(4);
    expect(said).toEqual(["2 success", "2 success", "2 success"]);
  });

  test("are not there without such peers, or when no peer has them, which is nobody's fault", async () => {
    expect(await client.get(request)).toBeUndefined();
    honest(2);
    const unknown = { ...root, hash: new Uint8Array(32).fill(9) };
    expect(await client.get({ ...request, tree: { root: unknown, position: unknown.hash } })).toBeUndefined();
    expect(said).toEqual([]);
  });

  test.each<[string, (proof: Proof) => Proof]>([
    ["of another tree", (proof) => ({ ...proof, untrustedRoot: new Uint8Array(32) })],
    ["that are damaged", ({ entries, ...proof }) => ({ ...proof, entries: [utf8("x"), ...entries.slice(1)] })],
    ["that are cut short", ({ entries, ...proof }) => ({ ...proof, entries: entries.slice(0, -1) })],
    ["that show nothing", (proof) => ({ ...proof, entries: [Uint8Array.of(2, ...root.hash)] })],
    ["of an unknown version", (proof) => ({ ...proof, v: 9 })],
  ])("come from others when a peer sends proofs %s, and it is not asked again", async (_what, mangle) => {
    liar(2, mangle);
    expect(await client.get(request)).toBeUndefined();
    expect(said).toEqual(["2 bad-peer"]);
    honest(3);
    expect(await client.get(request)).toBeDefined();
    expect(await client.iterate({ tree, key, prefetch: 1, proofVersion: 1 })).toBeDefined();
    expect(said).toEqual(["2 bad-peer", "3 success", "3 success"]);
  });
});

test("a node that has pruned a round, or never had it, answers clients from peers with the role for it", async () => {
  const clock = new VirtualClock(1_700_000_000_000);
  const net = testNetwork(provisionKeyValue, new Map(), {
    clock,
    receipts: true,
    retention: { rounds: 2n, intervalMs: 20 },
    roles: (name) => (name === "storage-0" ? ROLE_STORAGE | ROLE_STORAGE_RPC : undefined),
    tune: ({ storage: wanted }) => (wanted.checkpointInterval = 0n),
  });
  await net.network.start();
  try {
    const submit = (i: number) =>
      net.worker("client-0").client.submitTxMeta(insertCall("alice", BigInt(i), `key ${i}`, `value ${i}`));
    const { round } = await submit(0);
    const { header } = net.worker("client-0").client.getBlock(round);
    const node = net.network.node("client-0");
    const db = node.storage(RUNTIME_ID)?.db;
    for (let i = 1; (db?.earliestVersion() ?? 0n) <= round; i++) await submit(i);
    const wanted = stateRootOf(header);
    const query = {
      tree: { root: wanted, position: wanted.hash },
      key: utf8("key"),
      includeSiblings: false,
      proofVersion: 0,
    };
    const { proof } = await treeReads(node).get(query);
    expect(verifyProof(wanted.hash, proof)).toBeDefined();
    const made = { ...wanted, hash: new Uint8Array(32) };
    const unknown = treeReads(node).get({ ...query, tree: { root: made, position: made.hash } });
    await expect(unknown).rejects.toThrow(/mkvs/);
  } finally {
    await net.network.stop();
    clock.stop();
  }
});
