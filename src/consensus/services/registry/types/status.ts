/** Live status of nodes, kept beside their descriptors (registry: descriptors). */
import { FRAME_ELEMENTS } from "#common/limits.js";
import { Namespace } from "#common/namespace.js";
import { bool, map, nullable, omitEmpty, struct, u64, u8 } from "#common/schema/index.js";

/** End of a freeze that never ends, and of an election that cannot be entered yet. */
export const FREEZE_FOREVER = 0xffffffffffffffffn;

/** How often a node failed to take part in a runtime's rounds, and until when it sits out. */
export class Fault extends struct("Fault", { failures: omitEmpty(u8), suspendedUntil: omitEmpty(u64) }) {}

export class NodeStatus extends struct("NodeStatus", {
  expirationProcessed: bool,
  /** First epoch in which the node may be unfrozen; 0 when it is not frozen. */
  freezeEndTime: u64,
  /** The node may be elected in later epochs. */
  electionEligibleAfter: u64,
  faults: omitEmpty(map(Namespace, nullable(Fault), { max: FRAME_ELEMENTS })),
}) {}

/** Suspension does not grow beyond 2 to the power of this many epochs. */
const MAX_BACKOFF = 6;

/** Whether the node is left out of all elections until somebody unfreezes it. */
export function isFrozen(status: NodeStatus): boolean {
  return status.freezeEndTime > 0n;
}

/** Whether the node sits out a runtime in an epoch; a frozen node sits out every runtime. */
export function isNodeSuspended(status: NodeStatus, runtimeId: Uint8Array, epoch: bigint): boolean {
  if (isFrozen(status)) return true;
  const until = status.faults.get(runtimeId)?.suspendedUntil ?? 0n;
  return until > 0n && epoch < until;
}

/** A fault with its counter at some value: the more failures, the longer the suspension, also after a success. */
function faultWith(failures: number, epoch: bigint): Fault {
  const duration = 1n << BigInt(Math.min(failures, MAX_BACKOFF));
  return { failures, suspendedUntil: failures === 0 ? 0n : BigInt.asUintN(64, epoch + duration) };
}

/** The status after the node failed a runtime in the epoch before the given one. */
export function withFailure(status: NodeStatus, runtimeId: Uint8Array, epoch: bigint): NodeStatus {
  const faults = status.faults.clone();
  // The counter has eight bits and wraps.
  const failures = ((faults.get(runtimeId)?.failures ?? 0) + 1) & 0xff;
  faults.set(runtimeId, faultWith(failures, epoch));
  return { ...status, faults };
}

/** The status after the node did well for a runtime in the epoch before the given one; its last fault is forgotten. */
export function withSuccess(status: NodeStatus, runtimeId: Uint8Array, epoch: bigint): NodeStatus {
  const fault = status.faults.get(runtimeId);
  if (fault === undefined) return status;
  const failures = Math.max((fault?.failures ?? 0) - 1, 0);
  const faults = status.faults.clone();
  if (failures === 0) faults.delete(runtimeId);
  else faults.set(runtimeId, faultWith(failures, epoch));
  return { ...status, faults };
}
