import { fromBase64, toBase64 } from "#common/bytes.js";
import type { Context } from "../../app/context.js";
import { decodeEvent, defineEvent, type EventKind } from "../../app/events.js";
import type { AbciEvent } from "../../transaction/results.js";
import { APP_NAME } from "./errors.js";
import {
  type Event,
  ExecutionDiscrepancyDetectedEvent,
  ExecutorCommittedEvent,
  FinalizedEvent,
  InMessageProcessedEvent,
} from "./types.js";
import {
  StorageChallengeAnsweredEvent,
  StorageChallengeDrawnEvent,
  StorageChallengedEvent,
  StorageUnavailableEvent,
} from "./types/challenges.js";

export const executorCommitted = defineEvent(APP_NAME, "executor_commit", ExecutorCommittedEvent);
export const discrepancyDetected = defineEvent(APP_NAME, "execution_discrepancy", ExecutionDiscrepancyDetectedEvent);
export const roundFinalized = defineEvent(APP_NAME, "finalized", FinalizedEvent);
export const inMessageProcessed = defineEvent(APP_NAME, "in_msg_processed", InMessageProcessedEvent);

/** Of storage committees, an extension. */
export const storageChallenged = defineEvent(APP_NAME, "storage_challenged", StorageChallengedEvent);
export const storageChallengeDrawn = defineEvent(APP_NAME, "storage_challenge_drawn", StorageChallengeDrawnEvent);
export const storageChallengeAnswered = defineEvent(
  APP_NAME,
  "storage_challenge_answered",
  StorageChallengeAnsweredEvent,
);
export const storageUnavailable = defineEvent(APP_NAME, "storage_unavailable", StorageUnavailableEvent);

/** Attribute that every event of this service carries besides its kind: the runtime, in base64. */
export const RUNTIME_ID = "runtime_id";

/** Emits an event of a runtime. */
export function emitRuntimeEvent<T>(ctx: Context, runtimeId: Uint8Array, kind: EventKind<T>, value: T): void {
  ctx.emit(kind, value, { key: RUNTIME_ID, value: toBase64(runtimeId) });
}

/**
 * Reads an event as clients see it; undefined when it is not one of this service.
 * @param txHash hash of the transaction that caused it, the empty hash for block hooks
 */
export function readRuntimeEvent(carrier: AbciEvent, height: bigint, txHash: Uint8Array): Event | undefined {
  const id = carrier.attributes.find((a) => a.key === RUNTIME_ID);
  if (carrier.type !== executorCommitted.type || id === undefined) return undefined;
  return {
    height,
    txHash,
    runtimeId: fromBase64(id.value),
    executorCommitted: decodeEvent(executorCommitted, carrier),
    executionDiscrepancyDetected: decodeEvent(discrepancyDetected, carrier),
    finalized: decodeEvent(roundFinalized, carrier),
    inMessageProcessed: decodeEvent(inMessageProcessed, carrier),
    storageChallenged: decodeEvent(storageChallenged, carrier),
    storageChallengeDrawn: decodeEvent(storageChallengeDrawn, carrier),
    storageChallengeAnswered: decodeEvent(storageChallengeAnswered, carrier),
    storageUnavailable: decodeEvent(storageUnavailable, carrier),
  };
}
