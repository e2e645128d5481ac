/** Transactions that a component submits and blocks it follows (runtime host protocol: runtime to host bodies). */
import { Namespace } from "#common/namespace.js";
import { bool, omitEmpty, optional, struct, u32, u64 } from "#common/schema/index.js";
import { Proof } from "#mkvs/proof/proof.js";
import { blob, items } from "./limits.js";

export class HostSubmitTxRequest extends struct("HostSubmitTxRequest", {
  runtimeId: Namespace,
  data: blob,
  /** Answer only when the transaction is in a block. */
  wait: bool,
  /** Add a proof of that. */
  prove: bool,
}) {}

export class HostSubmitTxResponse extends struct("HostSubmitTxResponse", {
  output: omitEmpty(blob),
  round: omitEmpty(u64),
  batchOrder: omitEmpty(u32),
  proof: optional(Proof),
}) {}

class NotifyTags extends struct("RegisterNotifyRuntimeEvent", { tags: omitEmpty(items(blob)) }) {}

export class HostRegisterNotifyRequest extends struct("HostRegisterNotifyRequest", {
  runtimeBlock: omitEmpty(bool),
  runtimeEvent: optional(NotifyTags),
}) {}
