import { Fault } from "#common/errors/index.js";
import type { Context } from "../../../app/context.js";
import { blockEntropy } from "../../../app/entropy.js";
import { beaconEvent, epochEvent } from "../events.js";
import { beaconCell, currentEpochCell, futureEpochCell } from "../state.js";
import type { EpochHeight } from "../types.js";
import { beaconOf } from "./entropy.js";

/** The transition due in this block, if there is one; a missed one is a broken chain. */
export function dueTransition(ctx: Context): EpochHeight | undefined {
  const future = futureEpochCell.get(ctx.state);
  if (future === undefined || future.height > ctx.height) return undefined;
  if (future.height < ctx.height) throw new Fault("beacon: height mismatch in deferred set");
  return future;
}

/** Enters an epoch: sets it, clears the schedule and says so. `reschedule` runs between. */
export function enterEpoch(ctx: Context, epoch: bigint, reschedule: () => void): void {
  currentEpochCell.set(ctx.state, { epoch, height: ctx.height });
  futureEpochCell.remove(ctx.state);
  reschedule();
  ctx.emit(epochEvent, { epoch });
}

/** Derives and stores the beacon of an epoch. */
export function renewBeacon(ctx: Context, epoch: bigint): void {
  const beacon = beaconOf(epoch, blockEntropy(ctx));
  beaconCell.set(ctx.state, beacon);
  ctx.emit(beaconEvent, { beacon });
}
