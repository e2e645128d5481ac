/** Requests and answers of the runtime client API (runtime layer: gRPC). */
import { Hash } from "#common/hash.js";
import { FRAME_BYTES, FRAME_ELEMENTS } from "#common/limits.js";
import { Namespace } from "#common/namespace.js";
import { named, nullable, bytes, list, omitEmpty, optional, struct, text, u32, u64 } from "#common/schema/index.js";
import { ErrorBody } from "#runtime/rhp/messages/index.js";

const blob = bytes({ max: FRAME_BYTES });

/** A transaction for a runtime; also the request to only check it. */
export class SubmitTxRequest extends struct("SubmitTxRequest", { runtimeId: Namespace, data: blob }) {}

/** Where a transaction ended up; or why the runtime does not take it. */
export class SubmitTxMetaResponse extends struct("SubmitTxMetaResponse", {
  output: named("data", omitEmpty(blob)),
  round: omitEmpty(u64),
  batchOrder: omitEmpty(u32),
  checkTxError: optional(ErrorBody),
}) {}

/** A round of a runtime; 2^64-1 is the latest. */
export class RoundRequest extends struct("RoundRequest", { runtimeId: Namespace, round: u64 }) {}

class PlainEvent extends struct("PlainEvent", { key: blob, value: blob }) {}

export class TransactionWithResults extends struct("TransactionWithResults", {
  tx: blob,
  result: nullable(blob),
  events: omitEmpty(list(PlainEvent, { max: FRAME_ELEMENTS })),
}) {}

/** An event that a transaction emitted, or the block itself: then the hash is all zeros. */
export class RuntimeEvent extends struct("Event", { key: blob, value: blob, txHash: Hash }) {}

/** A part of a runtime. */
export class ComponentId extends struct("ID", {
  kind: text({ max: 64 }),
  name: omitEmpty(text({ max: 128 })),
}) {}

export class QueryRequest extends struct("QueryRequest", {
  runtimeId: Namespace,
  component: optional(ComponentId),
  /** 2^64-1 is the latest. */
  round: u64,
  method: text({ max: 1024 }),
  args: nullable(blob),
}) {}

export class QueryResponse extends struct("QueryResponse", { data: nullable(blob) }) {}

/** Transactions as a list on the wire. */
export const RawTransactions = nullable(list(blob, { max: FRAME_ELEMENTS }));
