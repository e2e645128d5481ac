/**
 * What the host pushes (runtime host protocol: push updates). Key manager status and quote policy stay encoded: the
 * runtime's key manager client opens them.
 */
import { AnnotatedBlock } from "#consensus/services/roothash/types.js";
import { nullable, optional, raw, struct, u64 } from "#common/schema/index.js";
import { blob, items } from "./limits.js";

export class KeyManagerStatusUpdateRequest extends struct("RuntimeKeyManagerStatusUpdateRequest", { status: raw }) {}

export class KeyManagerQuotePolicyUpdateRequest extends struct("RuntimeKeyManagerQuotePolicyUpdateRequest", {
  policy: raw,
}) {}

export class ConsensusSyncRequest extends struct("RuntimeConsensusSyncRequest", { height: u64 }) {}

/** Tags that somebody subscribed to were emitted in a block. */
export class RuntimeNotifyEvent extends struct("RuntimeNotifyEvent", {
  block: nullable(AnnotatedBlock),
  tags: items(blob),
}) {}

export class RuntimeNotifyRequest extends struct("RuntimeNotifyRequest", {
  runtimeBlock: optional(AnnotatedBlock),
  runtimeEvent: optional(RuntimeNotifyEvent),
}) {}
