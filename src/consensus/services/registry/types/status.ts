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
