import { describe, expect, test } from "vitest";
import type { Proposal } from "#consensus/services/roothash/types.js";
import { ProposalQueue, type RankedProposal } from "#worker/executor/proposals.js";

const NONE: ReadonlySet<bigint> = new Set();

function ranked(round: bigint, rank: bigint): RankedProposal {
  const hash = new Uint8Array(32);
  const proposal: Proposal = {
    nodeId: hash,
    header: { round, previousHash: hash, batchHash: hash },
    signature: new Uint8Array(64),
    batch: [],
  };
  return { proposal, rank };
}

describe("the proposals that a node keeps", () => {
  test("are given out by round, best rank first, within the bounds and without those that are done", () => {
    const queue = new ProposalQueue();
    for (const rank of [2n, 0n, 1n]) queue.add(ranked(7n, rank));
    queue.add(ranked(8n, 0n));
    expect(queue.best(7n, 0n, 9n, NONE)?.rank).toBe(0n);
    expect(queue.best(7n, 1n, 9n, NONE)?.rank).toBe(1n);
    expect(queue.best(7n, 0n, 9n, new Set([0n, 1n]))?.rank).toBe(2n);
    expect(queue.best(7n, 3n, 9n, NONE)).toBeUndefined();
    expect(queue.best(9n, 0n, 9n, NONE)).toBeUndefined();
  });

  test("are replaced by a later one of the same rank", () => {
    const queue = new ProposalQueue();
    const [first, second] = [ranked(1n, 0n), ranked(1n, 0n)];
    queue.add(first);
    queue.add(second);
    expect(queue.best(1n, 0n, 0n, NONE)).toBe(second);
  });

  test("of past rounds are neither kept nor taken", () => {
    const queue = new ProposalQueue();
    queue.add(ranked(1n, 0n));
    queue.prune(2n);
    expect(queue.best(1n, 0n, 0n, NONE)).toBeUndefined();
    expect(queue.add(ranked(1n, 0n))).toBe(false);
    expect(queue.add(ranked(2n, 0n))).toBe(true);
  });

  test("are at most 32: those furthest in the future leave", () => {
    const queue = new ProposalQueue();
    for (let round = 1n; round <= 32n; round++) expect(queue.add(ranked(round, 0n))).toBe(true);
    expect(queue.add(ranked(33n, 0n))).toBe(false);
    expect(queue.add(ranked(1n, 1n))).toBe(true);
    expect(queue.best(32n, 0n, 9n, NONE)).toBeUndefined();
  });
});
