import { assert } from "#common/assert.js";
import { equalBytes, toHex } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import { type AcceptancePolicy } from "#common/crypto/signature.js";
import { getNode } from "#consensus/services/registry/state.js";
import { type CommitmentRules, verifyCommitment } from "#consensus/services/roothash/logic/commitment.js";
import { receiptRules } from "#consensus/services/roothash/logic/receipt-rules.js";
import { addCommitment, newPool, processPool } from "#consensus/services/roothash/logic/pool.js";
import { commitmentVote, type ExecutorCommitment } from "#consensus/services/roothash/types.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import type { Dispatch } from "../dispatch.js";

/** Most commitments to one round that are looked at. */
const MAX_COMMITMENTS = 1024;

/** What the rules of commitments are read from. */
export interface PredictionBasis {
  readonly dispatch: Dispatch;
  /** Consensus state in which the committee is registered. */
  readonly state: KeyValueReader;
  readonly chainContext: string;
  readonly policy: AcceptancePolicy;
}

/**
 * Sees a dispute coming from commitments that are not in a block yet, so that backup workers can begin at once (node
 * workers: executor). Being wrong costs nothing but work: the chain decides.
 */
export class Prediction {
  private readonly seen: ExecutorCommitment[] = [];
  private readonly rules: CommitmentRules;

  constructor(private readonly basis: PredictionBasis) {
    const { dispatch, state, chainContext, policy } = basis;
    this.rules = {
      runtime: dispatch.descriptor,
      lastHeader: dispatch.header,
      epoch: dispatch.epoch,
      chainContext,
      policy,
      node: (id) => getNode(state, id),
      storage: receiptRules(state, dispatch.descriptor, dispatch.state.committee?.validFor ?? dispatch.epoch),
    };
  }

  /** Takes a commitment into account. Returns the rank of the proposal that will be disputed, as far as can be seen. */
  see(commitment: ExecutorCommitment): bigint | undefined {
    if (this.seen.length >= MAX_COMMITMENTS || this.seen.some((other) => isSame(other, commitment))) return undefined;
    this.seen.push(commitment);
    // Signatures cost more than comparing votes, and nearly always all votes are the same.
    return this.isSuspicious() ? this.disputed() : undefined;
  }

  /** Whether a commitment would be taken by the chain. */
  isValid(commitment: ExecutorCommitment): boolean {
    try {
      verifyCommitment(commitment, this.rules);
      return true;
    } catch (error) {
      if (error instanceof CodedError) return false;
      throw error;
    }
  }

  private isSuspicious(): boolean {
    const votes = new Map<string, string>();
    return this.seen.some((commitment) => {
      const scheduler = toHex(commitment.header.schedulerId);
      const vote = toHex(commitmentVote(commitment) ?? new Uint8Array(0));
      const other = votes.get(scheduler);
      votes.set(scheduler, vote);
      return vote === "" || (other !== undefined && other !== vote);
    });
  }

  private disputed(): bigint | undefined {
    const { committee } = this.basis.dispatch.state;
    assert(committee !== undefined, "rounds have a committee");
    const pool = newPool();
    for (const commitment of this.seen) {
      if (!this.isValid(commitment)) continue;
      try {
        addCommitment(pool, committee, commitment);
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
      }
    }
    const { allowedStragglers } = this.basis.dispatch.descriptor.executor;
    const { kind } = processPool(pool, committee, allowedStragglers, false);
    return kind === "discrepancy" ? pool.highestRank : undefined;
  }
}

function isSame(a: ExecutorCommitment, b: ExecutorCommitment): boolean {
  return equalBytes(a.signature, b.signature) && equalBytes(a.nodeId, b.nodeId);
}
