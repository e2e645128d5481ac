import { Fault } from "#common/errors/index.js";
import type { Context } from "../../../app/context.js";
import { epochEvent } from "../events.js";
import { currentEpochCell, scheduleEpoch } from "../state.js";
import type { BeaconGenesis, BeaconParameters } from "../types.js";
import { dueTransition, enterEpoch, renewBeacon } from "./transition.js";

function scheduleByInterval(ctx: Context, params: BeaconParameters, epoch: bigint): void {
  const interval = params.insecureParameters?.interval;
  if (interval === undefined) throw new Fault("beacon: insecure parameters are missing");
  scheduleEpoch(ctx.state, epoch, epoch * interval);
}

/** Genesis of the insecure backend; with mock epochs nothing is set, not even the base epoch. */
export function initInsecure(ctx: Context, genesis: BeaconGenesis): void {
  if (genesis.params.debugMockBackend) return;
  currentEpochCell.set(ctx.state, { epoch: genesis.base, height: ctx.env.initialHeight });
  ctx.emit(epochEvent, { epoch: genesis.base });
  scheduleByInterval(ctx, genesis.params, genesis.base + 1n);
}

/** Beginning of a block with the insecure backend. */
export function beginInsecure(ctx: Context, params: BeaconParameters): void {
  const due = dueTransition(ctx);
  if (due === undefined) return;
  enterEpoch(ctx, due.epoch, () => {
    if (!params.debugMockBackend) scheduleByInterval(ctx, params, due.epoch + 1n);
  });
  renewBeacon(ctx, due.epoch);
}
