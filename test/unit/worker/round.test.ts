import { describe, expect, test } from "vitest";
import { utf8 } from "#common/bytes.js";
import { hash } from "#common/hash.js";
import { Runtime } from "#consensus/services/registry/types/runtime.js";
import { Proposal } from "#consensus/services/roothash/types.js";
import { verdictOn } from "#worker/executor/batch-limits.js";
import { flushDelayMs } from "#worker/executor/round.js";

describe("a scheduler proposes without transactions", () => {
  test("once the flush timeout is over and its rank has its turn", () => {
    expect([0, 1, 2, 3].map((rank) => flushDelayMs(1000, 5000, rank))).toEqual([1000, 5000, 10_000, 15_000]);
    expect([0, 1].map((rank) => flushDelayMs(1000, 2000, rank))).toEqual([1000, 2000]);
  });

  test("later where the turn of the next rank would come before it has heard of the better one", () => {
    expect([0, 1, 2].map((rank) => flushDelayMs(1000, 1000, rank))).toEqual([1000, 2000, 3000]);
    expect([0, 1, 2].map((rank) => flushDelayMs(1000, 1999, rank))).toEqual([1000, 2999, 4998]);
  });
});

describe("a proposal", () => {
  const zero = Runtime.zero();
  const txnScheduler = { ...zero.txnScheduler, maxBatchSize: 2n, maxBatchSizeBytes: 10n };
  const descriptor: Runtime = { ...zero, txnScheduler };
  const known = ["one", "two", "three"].map((text) => utf8(text));
  const [here, elsewhere] = [new Uint8Array(32), new Uint8Array(32).fill(1)];
  const verdict = (previousHash: Uint8Array, transactions: readonly Uint8Array[]) => {
    const { header, ...others } = Proposal.zero();
    const batch = transactions.map((raw) => hash(raw));
    const proposal = { ...others, header: { ...header, previousHash }, batch };
    return verdictOn(proposal, transactions, { descriptor, previousHash: here });
  };

  test("that builds on another block is ignored", () => {
    expect(verdict(here, known.slice(0, 2))).toBe("good");
    expect(verdict(elsewhere, known.slice(0, 2))).toBe("elsewhere");
  });

  test("of too many transactions, or too long or repeated ones, has failed, whatever it builds on", () => {
    for (const previous of [here, elsewhere]) {
      expect(verdict(previous, known)).toBe("excessive");
      expect(verdict(previous, [utf8("eleven byte")])).toBe("excessive");
      expect(verdict(previous, [utf8("one"), utf8("one")])).toBe("excessive");
    }
  });
});
