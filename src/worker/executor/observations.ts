import { equalBytes } from "#common/bytes.js";
import { STRICT_POLICY } from "#common/crypto/signature.js";
import type { Clock } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";
import type { Backend } from "#consensus/backends/backend.js";
import { evidenceProblem } from "#consensus/services/roothash/logic/evidence.js";
import type { Event, Evidence, ExecutorCommitment, Proposal } from "#consensus/services/roothash/types.js";
import type { TransactionSubmitter } from "../options.js";
import { Accuser } from "./accuser.js";
import { EquivocationWatch } from "./equivocation.js";
import { Prediction } from "./prediction.js";
import type { Round } from "./round.js";

export interface ObservationOptions {
  readonly runtimeId: Uint8Array;
  readonly backend: Backend;
  readonly submitter: TransactionSubmitter;
  readonly clock: Clock;
  readonly log: Log;
}

/** What a member of a committee learns from the signed words of the others, before and after they are on chain. */
export class Observations {
  private readonly equivocation: EquivocationWatch;
  private readonly accuser: Accuser;
  private round: Round | undefined;
  private prediction: Prediction | undefined;

  constructor(private readonly options: ObservationOptions) {
    const rules = { chainContext: options.backend.app.chainContext, policy: STRICT_POLICY };
    this.equivocation = new EquivocationWatch(options.runtimeId, (evidence) => evidenceProblem(evidence, rules));
    this.accuser = new Accuser(options);
  }

  begin(round: Round): void {
    const { backend } = this.options;
    const { dispatch } = round;
    this.round = round;
    const state = backend.stateAt(dispatch.height);
    const { chainContext } = backend.app;
    this.prediction = new Prediction({ dispatch, state, chainContext, policy: STRICT_POLICY });
    this.equivocation.prune(round.number);
  }

  end(): void {
    this.round = undefined;
    this.prediction = undefined;
  }

  stop(): void {
    this.end();
    this.accuser.stop();
  }

  /** A proposal whose signature is valid. */
  seeProposal(proposal: Proposal): void {
    this.accuse(this.equivocation.seeProposal(proposal));
  }

  /** A commitment that somebody wants to get into a block. */
  seeCommitment(commitment: ExecutorCommitment): void {
    const { round } = this;
    const { header, schedulerId } = commitment.header;
    if (round === undefined || header.round > round.number) return;
    const rank = round.committee.rankOf(header.round, schedulerId);
    if (rank === undefined || round.committee.placeOf(commitment.nodeId) < 0) return;
    this.accuse(this.equivocation.seeCommitment(commitment));
    if (header.round !== round.number) return;
    if (round.committee.isWorker) this.estimatePool(round, commitment, rank);
    else if (round.committee.isBackupWorker) this.predict(round, commitment);
  }

  /** What the chain says about the round. */
  seeEvent({ executorCommitted, executionDiscrepancyDetected }: Event): void {
    const { round } = this;
    if (round === undefined) return;
    if (executionDiscrepancyDetected?.round === round.number) {
      const { rank, timeout } = executionDiscrepancyDetected;
      this.options.log.info("execution discrepancy", { round: round.number, rank, timeout });
      round.discrepancy = rank;
    }
    const commit = executorCommitted?.commit;
    if (commit === undefined || commit.header.header.round !== round.number) return;
    if (!equalBytes(commit.nodeId, commit.header.schedulerId)) return;
    round.lowerPoolRank(round.committee.rankOf(round.number, commit.nodeId));
  }

  /** A scheduler of better rank has spoken: worse proposals will not be taken any more. */
  private estimatePool(round: Round, commitment: ExecutorCommitment, rank: bigint): void {
    if (!equalBytes(commitment.nodeId, commitment.header.schedulerId)) return;
    // As long as it changes nothing, the signature need not be looked at.
    if (rank < round.limit && this.prediction?.isValid(commitment) === true) round.lowerPoolRank(rank);
  }

  private predict(round: Round, commitment: ExecutorCommitment): void {
    if (round.disputed !== undefined) return;
    const rank = this.prediction?.see(commitment);
    if (rank === undefined) return;
    this.options.log.info("execution discrepancy is coming", { round: round.number, rank });
    round.predicted = rank;
  }

  private accuse(evidence: Evidence | undefined): void {
    if (evidence !== undefined) this.accuser.accuse(evidence, this.round?.committee.ownPlace ?? 0);
  }
}
