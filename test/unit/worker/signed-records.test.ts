import { describe, expect, test } from "vitest";
import { equalBytes, toHex } from "#common/bytes.js";
import type { Disk } from "#common/ports/disk.js";
import { MemoryDisk } from "#common/memory-disk.js";
import { getRuntimeState } from "#consensus/services/roothash/state.js";
import type { ExecutorCommitment, Proposal } from "#consensus/services/roothash/types.js";
import type { Parcel } from "#p2p/memory-network.js";
import { CommitteeMessage } from "#worker/executor/committee-topic.js";
import { watchCommitments } from "#worker/executor/observed.js";
import { SignedRecords } from "#worker/executor/signed-records.js";
import { insertCall, provisionKeyValue, RUNTIME_ID, type TestNetwork, testNetwork } from "./support/local-network.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

const START_MS = 1_700_000_000_000;

function proposal(round: bigint): Proposal {
  const bytes = new Uint8Array(32).fill(Number(round));
  const header = { round, previousHash: bytes, batchHash: bytes };
  return { nodeId: bytes, header, signature: new Uint8Array(64), batch: [bytes] };
}

function commitment(round: bigint, scheduler: number): ExecutorCommitment {
  const bytes = new Uint8Array(32).fill(scheduler);
  const header = {
    round,
    previousHash: bytes,
    ioRoot: bytes,
    stateRoot: bytes,
    messagesHash: bytes,
    inMessagesHash: bytes,
    inMessagesCount: 0,
  };
  return {
    nodeId: bytes,
    header: { schedulerId: bytes, header, failure: 0, rakSignature: undefined },
    signature: new Uint8Array(64),
    messages: [],
  };
}

describe("what a node has signed", () => {
  test("is found again by round, and forgotten when the round is over", () => {
    const disk = new MemoryDisk();
    const records = new SignedRecords(disk, RUNTIME_ID);
    for (const round of [7n, 8n]) {
      records.keepProposal(proposal(round));
      records.keepCommitment(commitment(round, 1));
      records.keepCommitment(commitment(round, 2));
    }
    const again = new SignedRecords(disk, RUNTIME_ID);
    expect(again.proposal(7n)).toEqual(proposal(7n));
    expect(again.commitments(7n)).toEqual([commitment(7n, 1), commitment(7n, 2)]);
    again.forgetBefore(8n);
    expect(again.proposal(7n)).toBeUndefined();
    expect(again.commitments(7n)).toEqual([]);
    expect(again.proposal(8n)).toEqual(proposal(8n));
    expect(again.commitments(8n)).toHaveLength(2);
    expect(again.proposal(9n)).toBeUndefined();
    again.keepProposal(proposal(9n));
    const left = new SignedRecords(disk, RUNTIME_ID);
    expect(left.proposal(7n)).toBeUndefined();
    expect(left.commitments(7n)).toEqual([]);
    expect(left.commitments(8n)).toHaveLength(2);
  });
});

/** What a network of which the scheduler is cut off leaves behind. */
interface Listened {
  readonly proposals: Proposal[];
  readonly commitments: ExecutorCommitment[];
}

/** Listens to a network: all proposals of a node for a round, and all commitments of it that reach the pool. */
function listen(proposals: Proposal[]): (parcel: Parcel) => number {
  return ({ kind, name, bytes }) => {
    if (kind !== "gossip" || !name.includes("/committee/")) return 0;
    const { proposal: said } = CommitteeMessage.decode(bytes, "rpc");
    const isNew = said && !proposals.some((other) => equalBytes(other.signature, said.signature));
    if (isNew === true) proposals.push(said);
    return 0;
  };
}

describe("a scheduler that starts again in the middle of its round", () => {
  test("repeats its proposal and its commitment, although it would schedule something else by now", async () => {
    const disks = new Map<string, Disk>();
    const first: Listened = { proposals: [], commitments: [] };
    const clock = new VirtualClock(START_MS);
    const before = testNetwork(provisionKeyValue, disks, { clock, fate: listen(first.proposals) });
    await before.network.start();
    await before.worker("client-0").client.submitTx(insertCall("alice", 0n, "key", "value 0"));
    const scheduler = before.serving("worker")[0] as string;
    const { publicKey } = before.network.node(scheduler).identity.node;
    const round = (before.worker("client-0").status.latestRound as bigint) + 1n;
    // The network stops as soon as the scheduler has said what it wants: no block takes its commitment in.
    const stopped = new Promise<void>((resolve) => {
      const unwatch = watchCommitments(before.network.backend.app, RUNTIME_ID, (commitments) => {
        const own = commitments.find((c) => equalBytes(c.nodeId, publicKey) && c.header.header.round === round);
        if (own === undefined) return;
        unwatch();
        first.commitments.push(own);
        void Promise.resolve()
          .then(() => before.network.stop())
          .then(resolve);
      });
    });
    const unfinished = before.worker("client-0").client.submitTx(insertCall("alice", 1n, "key", "value 1"));
    await Promise.all([stopped, expect(unfinished).rejects.toThrow("transaction pool is closed")]);
    clock.stop();

    const second: Listened = { proposals: [], commitments: [] };
    const later = new VirtualClock(START_MS + 60_000);
    const after: TestNetwork = testNetwork(provisionKeyValue, disks, { clock: later, fate: listen(second.proposals) });
    watchCommitments(after.network.backend.app, RUNTIME_ID, (commitments) => second.commitments.push(...commitments));
    await after.network.start();
    const { client } = after.worker("client-0");
    const meta = await client.submitTxMeta(insertCall("bob", 0n, "key", "value 2"));
    await after.settled(meta.round);
    const state = getRuntimeState(after.network.backend.stateAt(0n), RUNTIME_ID);
    await after.network.stop();
    later.stop();

    const own = ({ header, nodeId }: Proposal): boolean => header.round === round && equalBytes(nodeId, publicKey);
    const [said] = first.proposals.filter(own);
    expect(said).toBeDefined();
    expect(second.proposals.filter(own)).toEqual([said]);
    const repeated = second.commitments.filter(
      (c) => equalBytes(c.nodeId, publicKey) && c.header.header.round === round,
    );
    expect(repeated.length).toBeGreaterThanOrEqual(1);
    const signatures = new Set(repeated.map(({ signature }) => toHex(signature)));
    expect(signatures).toEqual(new Set(first.commitments.map(({ signature }) => toHex(signature))));
    expect(state?.lastNormalRound).toBeGreaterThanOrEqual(round);
    // Nobody has the transaction any more, so the round may fail; the network goes on either way.
    expect(client.getBlock(round).header.round).toBe(round);
  });
});
