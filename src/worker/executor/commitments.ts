import { equalBytes } from "#common/bytes.js";
import type { KeyedSignature } from "#common/crypto/signature.js";
import { CodedError } from "#common/errors/index.js";
import type { Log } from "#common/ports/log.js";
import {
  type ExecutorCommitment,
  type ExecutorCommitmentHeader,
  FAILURE_NONE,
  FAILURE_UNKNOWN,
  type Message,
} from "#consensus/services/roothash/types.js";
import type { ComputedBatch } from "#runtime/rhp/messages/index.js";
import type { Outlet } from "./outlet.js";
import type { Round } from "./round.js";
import type { SignedRecords } from "./signed-records.js";
import type { RoundSigning } from "./signing.js";

/** Signs and submits what the node has found out in a round. */
export class Commitments {
  constructor(
    private readonly signing: RoundSigning,
    private readonly records: SignedRecords,
    private readonly outlet: Outlet,
    private readonly log: Log,
  ) {}

  /**
   * Commits to the results of a batch.
   *
   * @param rank that of the scheduler
   * @param receipts of storage nodes, where the runtime demands them
   */
  succeed(
    round: Round,
    rank: bigint,
    schedulerId: Uint8Array,
    { header, rakSig, messages }: ComputedBatch,
    receipts?: KeyedSignature[],
  ): void {
    const isScheduler = equalBytes(schedulerId, this.signing.nodeId);
    const commitment = { schedulerId, header, failure: FAILURE_NONE, rakSignature: rakSig };
    this.sign(round, rank, commitment, isScheduler ? messages : [], receipts);
  }

  /** Commits to having failed. @param failure why */
  fail(round: Round, rank: bigint, schedulerId: Uint8Array, failure: number = FAILURE_UNKNOWN): void {
    this.log.warn("committing to a failure", { round: round.number, rank, failure });
    this.sign(round, rank, failureHeader(round.number, round.previousHash, schedulerId, failure), []);
  }

  /** Submits again what was signed before a restart and has not reached the chain, as far as is known. */
  repeat(round: Round): void {
    for (const commitment of this.records.commitments(round.number)) {
      const { header, schedulerId } = commitment.header;
      const rank = round.committee.rankOf(round.number, schedulerId);
      const isOld = !equalBytes(header.previousHash, round.previousHash);
      if (isOld || rank === undefined || round.submitted.has(rank)) continue;
      this.submit(round, rank, commitment);
    }
  }

  private sign(
    round: Round,
    rank: bigint,
    header: ExecutorCommitmentHeader,
    messages: Message[],
    receipts?: KeyedSignature[],
  ): void {
    const commitment = this.signing.commitment(header, messages, receipts);
    this.records.keepCommitment(commitment);
    this.submit(round, rank, commitment);
  }

  private submit(round: Round, rank: bigint, commitment: ExecutorCommitment): void {
    round.submitted.add(rank);
    // Nobody waits for the block: the round goes on when it is final, or ends without this commitment.
    this.outlet.submit(commitment).catch((error: unknown) => {
      const level = error instanceof CodedError ? "info" : "error";
      this.log[level]("commitment was not taken", { round: round.number, rank, error: String(error) });
    });
  }
}

/** What a node commits to that could not execute a batch. */
export function failureHeader(
  round: bigint,
  previousHash: Uint8Array,
  schedulerId: Uint8Array,
  failure: number = FAILURE_UNKNOWN,
): ExecutorCommitmentHeader {
  const header = {
    round,
    previousHash,
    ioRoot: undefined,
    stateRoot: undefined,
    messagesHash: undefined,
    inMessagesHash: undefined,
    inMessagesCount: 0,
  };
  return { schedulerId, header, failure, rakSignature: undefined };
}
