import { type Evidence, misbehaviorOf } from "../block/evidence.js";
import type { Misbehavior } from "./context.js";

/** What a block's evidence tells the state machine: one entry for each validator that it convicts. */
export function misbehaviorIn(evidence: readonly Evidence[]): Misbehavior[] {
  return evidence.flatMap(misbehaviorOf).map(({ type, address, height }) => ({
    kind: type === "duplicateVote" ? "duplicate-vote" : "light-client-attack",
    address,
    height,
  }));
}
