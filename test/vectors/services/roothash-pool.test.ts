import { expect, it } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import { commitmentErrors } from "#consensus/services/roothash/errors.js";
import { addCommitment, type PoolOutcome, processPool } from "#consensus/services/roothash/logic/pool.js";
import { ExecutorCommitment, Pool, SchedulerCommitment } from "#consensus/services/roothash/types.js";
import { Committee, schedulerRank } from "#consensus/services/scheduler/types.js";
import { describeVectors } from "../support/vectors.ts";

interface PoolCase {
  readonly op: "add_verified_executor_commitment" | "process_commitments";
  readonly source?: string;
  readonly committee: string;
  readonly pool: string;
  readonly pool_after: string;
  readonly commitment?: string;
  readonly allowed_stragglers?: number;
  readonly timeout?: boolean;
  readonly code: number;
  readonly result?: string | null;
}

function codeOf(outcome: PoolOutcome): number {
  switch (outcome.kind) {
    case "decided":
      return 0;
    case "waiting":
      return commitmentErrors.stillWaiting.code;
    case "discrepancy":
      return commitmentErrors.discrepancyDetected.code;
    default:
      return {
        "no scheduler": commitmentErrors.noSchedulerCommitment.code,
        "bad scheduler": commitmentErrors.badSchedulerCommitment.code,
        "insufficient votes": commitmentErrors.insufficientVotes.code,
      }[outcome.reason];
  }
}

function add(pool: Pool, c: PoolCase): number {
  try {
    addCommitment(pool, Committee.decode(fromHex(c.committee)), ExecutorCommitment.decode(fromHex(c.commitment ?? "")));
    return 0;
  } catch (error) {
    if (error instanceof CodedError && error.module === commitmentErrors.notInCommittee.module) return error.code;
    throw error;
  }
}

for (const file of ["services/roothash_commitment_pool.json", "services/roothash_commitment_pool_random.json"]) {
  describeVectors<{ cases: readonly PoolCase[] }>(file, ({ cases }) => {
    it.each(cases.map((c, i) => [i, c.op, c] as const))("case %i: %s", (_i, _op, c) => {
      const pool = Pool.decode(fromHex(c.pool));
      if (c.op === "add_verified_executor_commitment") {
        expect(add(pool, c)).toBe(c.code);
      } else {
        const committee = Committee.decode(fromHex(c.committee));
        const outcome = processPool(pool, committee, c.allowed_stragglers ?? 0, c.timeout ?? false);
        expect(codeOf(outcome)).toBe(c.code);
        const { result } = c;
        if (outcome.kind === "decided" && typeof result === "string") {
          expect(toHex(SchedulerCommitment.encode(outcome.decided))).toBe(result);
        }
      }
      expect(toHex(Pool.encode(pool))).toBe(c.pool_after);
    });
  });
}

interface RankCase {
  readonly workers: number;
  readonly index: number;
  readonly round: number;
  readonly rank: number;
}

describeVectors<{ cases: readonly RankCase[] }>("runtime/scheduler_rank.json", ({ cases }) => {
  it.each(cases.map((c) => [c.index, c.workers, c.round, c] as const))(
    "worker %i of %i in round %i has its rank",
    (_index, _workers, _round, { workers, index, round, rank }) => {
      const members = Array.from({ length: workers }, (_, i) => ({ role: 1, publicKey: new Uint8Array(32).fill(i) }));
      const backup = { role: 2, publicKey: new Uint8Array(32).fill(0xff) };
      const committee = { ...Committee.zero(), members: [...members, backup] };
      expect(schedulerRank(committee, BigInt(round), new Uint8Array(32).fill(index))).toBe(BigInt(rank));
      expect(schedulerRank(committee, BigInt(round), backup.publicKey)).toBeUndefined();
    },
  );
});
