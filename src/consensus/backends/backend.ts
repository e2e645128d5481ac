import { CodedError } from "#common/errors/index.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import type { Application } from "../app/app.js";
import type { BlockOutcome } from "../app/block-run.js";
import type { BlockId } from "../block/block-id.js";
import type { Block } from "../block/block.js";
import type { Commit } from "../block/commit.js";
import type { ValidatorSet } from "../block/validator.js";
import type { CheckpointStore } from "../checkpoints/store.js";

/** A block that is final and whose effects are in the state. */
export interface CommittedBlock {
  readonly height: bigint;
  readonly block: Block;
  readonly blockId: BlockId;
  readonly outcome: BlockOutcome;
}

/** How a transaction got into a block. */
export interface Inclusion {
  readonly height: bigint;
  /** Position in the block. */
  readonly index: number;
  readonly code: number;
  readonly codespace: string;
  readonly log: string;
}

/** Why the watching of a submitted transaction ended: it is in a block, or it never will be. */
export type SubmissionOutcome = { readonly included: Inclusion } | { readonly rejected: CodedError };

/**
 * What drives the state machine: makes or receives blocks, keeps them, takes transactions. Everything above it is the
 * same for every backend.
 */
export interface Backend {
  readonly app: Application;
  /** Begins to make or follow blocks. */
  start(): Promise<void>;
  /** Stops after the block under way; nothing is committed afterwards. */
  stop(): Promise<void>;
  /** Resolves with the reason when the backend had to stop by itself. */
  readonly failed: Promise<Error>;
  readonly latestHeight: bigint;
  /** Lowest height whose block is kept; 0 before the first block. */
  readonly earliestHeight: bigint;
  /** A block with its header and transactions; undefined outside the kept heights. */
  block(height: bigint): Block | undefined;
  blockId(height: bigint): BlockId | undefined;
  /** The commit *for* a height. */
  commit(height: bigint): Commit | undefined;
  results(height: bigint): BlockOutcome | undefined;
  /** The validators of a height, the one after the latest included. */
  validators(height: bigint): ValidatorSet | undefined;
  /** State after a height (0 = latest). */
  stateAt(height: bigint): KeyValueReader;
  /** Raw transactions that wait for a block. */
  unconfirmed(): Uint8Array[];
  /**
   * Checks a transaction and takes it into the pool.
   * @throws CodedError of the check
   */
  submit(raw: Uint8Array): void;
  /**
   * Takes evidence of a validator's misbehaviour for the next block.
   * @param encoded evidence in the engine's encoding
   * @throws CodedError when it proves nothing
   */
  submitEvidence(encoded: Uint8Array): void;
  /** Submits and resolves when the transaction is in a block or fell out of the pool. Throws like `submit`. */
  submitAndWait(raw: Uint8Array): Promise<SubmissionOutcome>;
  /**
   * Keeps heights from being pruned, whatever their age.
   * @param needed the first height that is still needed; undefined for none
   * @returns the way to stop that
   */
  hold(needed: () => bigint | undefined): () => void;
  /** Checkpoints of the state. */
  readonly checkpoints: CheckpointStore;
  /** Calls back after every committed block, in order; returns the way to stop that. Listeners must not throw. */
  onBlock(listener: (block: CommittedBlock) => void): () => void;
}

/** The error of a transaction that is in a block but failed; undefined when it succeeded. */
export function inclusionError(outcome: SubmissionOutcome): CodedError | undefined {
  if ("rejected" in outcome) return outcome.rejected;
  const { code, codespace, log } = outcome.included;
  return code === 0 ? undefined : new CodedError(codespace, code, log);
}
