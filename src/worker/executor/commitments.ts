import { CodedError } from "#common/errors/index.js";
import type { Log } from "#common/ports/log.js";
import {
  ExecutorCommit,
  type ExecutorCommitmentHeader,
  FAILURE_NONE,
  FAILURE_UNKNOWN,
  type Message,
} from "#consensus/services/roothash/types.js";
import { equalBytes } from "#common/bytes.js";
import type { ComputedBatch } from "#runtime/rhp/messages/index.js";
import type { TransactionSubmitter } from "../options.js";
import type { Round } from "./round.js";
import type { RoundSigning } from "./signing.js";

/** Signs and submits what the node has found out in a round. */
export class Commitments {
  constructor(
    private readonly runtimeId: Uint8Array,
    private readonly signing: RoundSigning,
    private readonly submitter: TransactionSubmitter,
    private readonly log: Log,
  ) {}

  /**
   * Commits to the results of a batch.
   *
   * @param rank that of the scheduler
   */
  succeed(round: Round, rank: bigint, schedulerId: Uint8Array, { header, rakSig, messages }: ComputedBatch): void {
    const isScheduler = equalBytes(schedulerId, this.signing.nodeId);
    const commitment = { schedulerId, header, failure: FAILURE_NONE, rakSignature: rakSig };
    this.submit(round, rank, commitment, isScheduler ? messages : []);
  }

  /** Commits to having failed. */
  fail(round: Round, rank: bigint, schedulerId: Uint8Array): void {
    const header = {
      round: round.number,
      previousHash: round.previousHash,
      ioRoot: undefined,
      stateRoot: undefined,
      messagesHash: undefined,
      inMessagesHash: undefined,
      inMessagesCount: 0,
    };
    this.log.warn("committing to a failure", { round: round.number, rank });
    this.submit(round, rank, { schedulerId, header, failure: FAILURE_UNKNOWN, rakSignature: undefined }, []);
  }

  private submit(round: Round, rank: bigint, header: ExecutorCommitmentHeader, messages: Message[]): void {
    round.submitted.add(rank);
    const body = ExecutorCommit.encode({ id: this.runtimeId, commits: [this.signing.commitment(header, messages)] });
    // Nobody waits for the block: the round goes on when it is final, or ends without this commitment.
    this.submitter.submit("roothash.ExecutorCommit", body).catch((error: unknown) => {
      const level = error instanceof CodedError ? "info" : "error";
      this.log[level]("commitment was not taken", { round: round.number, rank, error: String(error) });
    });
  }
}
