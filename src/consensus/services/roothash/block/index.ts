import { SortedMap } from "#common/sorted-map.js";
import type { BlockKey, Context } from "../../../app/context.js";
import { newEpoch } from "../../../app/epoch.js";
import { electedEvent } from "../../scheduler/events.js";
import { runtimesWithTimeout } from "../state.js";
import { drawChallengeKeys, expireChallenges } from "./challenges.js";
import { renewCommittees } from "./committees.js";
import { tryFinalizeRound } from "./rounds.js";

/** Runtimes with new commitments in this block. */
const committedRuntimes: BlockKey<SortedMap<Uint8Array, true>> = {
  name: "roothash: runtimes to finalize",
  initial: () => SortedMap.bytes(),
};

/** Has the round of a runtime looked at when the block ends. */
export function finalizeLater(ctx: Context, runtimeId: Uint8Array): void {
  ctx.block.get(committedRuntimes).set(runtimeId, true);
}

/** Challenges get their keys; committees change with the epoch, and when the scheduler elected again in between. */
export function beginBlock(ctx: Context): void {
  drawChallengeKeys(ctx);
  if (newEpoch(ctx) !== undefined || ctx.hasEmitted(electedEvent.type, electedEvent.kind)) renewCommittees(ctx);
}

/**
 * Decides rounds: first where commitments came in, by identifier; then where time is up, by its hash. At last, storage
 * nodes are punished that have not answered a challenge in time.
 */
export function endBlock(ctx: Context): void {
  for (const id of ctx.block.get(committedRuntimes).keys()) tryFinalizeRound(ctx, id, false);
  for (const id of runtimesWithTimeout(ctx.state, ctx.height)) tryFinalizeRound(ctx, id, true);
  expireChallenges(ctx);
}
