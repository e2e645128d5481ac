import type { KeyedSignature } from "#common/crypto/signature.js";
import type { Event, ExecutorCommitment, Proposal } from "#consensus/services/roothash/types.js";
import type { ComputedBatch, RuntimeExecuteTxBatchResponse } from "#runtime/rhp/messages/index.js";
import type { Dispatch } from "../dispatch.js";
import type { Batch } from "./execution.js";

/** The node executes a batch. */
export interface Processing {
  readonly kind: "processing-batch";
  readonly rank: bigint;
  /** Absent while the node schedules a batch of its own. */
  readonly proposal: Proposal | undefined;
}

/** The node has results on its disk and waits until storage nodes have them too. */
export interface Storing {
  readonly kind: "waiting-for-receipts";
  readonly rank: bigint;
  readonly schedulerId: Uint8Array;
  readonly batch: ComputedBatch;
}

/** What the node is doing in the round (node workers: executor). */
export type State =
  | { readonly kind: "waiting-for-batch" }
  | { readonly kind: "waiting-for-transactions"; readonly rank: bigint; readonly proposal: Proposal; pauseMs: number }
  | { readonly kind: "waiting-for-event"; readonly rank: bigint; readonly proposal: Proposal; readonly batch: Batch }
  | Processing
  | Storing;

export const WAITING: State = { kind: "waiting-for-batch" };

/** What came of an execution; "impossible" when no runtime could have done it. */
export type Outcome = RuntimeExecuteTxBatchResponse | "failed" | "impossible";

/** What an executor hears of. */
export type Happening =
  | { readonly type: "block"; readonly dispatch: Dispatch }
  | { readonly type: "chain"; readonly events: readonly Event[] }
  | { readonly type: "observed"; readonly commitments: readonly ExecutorCommitment[] }
  | { readonly type: "executed"; readonly by: Processing; readonly outcome: Outcome }
  | { readonly type: "stored"; readonly by: Storing; readonly receipts: KeyedSignature[] | undefined }
  | { readonly type: "fetched"; readonly state: State; readonly complete: boolean }
  | { readonly type: "look" };
