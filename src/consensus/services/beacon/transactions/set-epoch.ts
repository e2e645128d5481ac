import { unknown } from "#common/errors/index.js";
import { u64 } from "#common/schema/index.js";
import type { Context } from "../../../app/context.js";
import { defineTransaction, type TransactionMethod } from "../../../app/define-service.js";
import { beaconParametersCell } from "../params.js";
import { epochOf, futureEpochCell, pendingMockEpochCell, scheduleEpoch } from "../state.js";
import { BACKEND_VRF } from "../types.js";

function advancing(ctx: Context, epoch: bigint): void {
  if (epoch <= epochOf(ctx.state).epoch) throw unknown("beacon: explicit epoch does not advance time");
}

function setWithVrf(ctx: Context, epoch: bigint): void {
  const pending = pendingMockEpochCell.get(ctx.state);
  if (pending === epoch) return;
  if (pending !== undefined) throw unknown("beacon: explicit epoch transition already pending");
  advancing(ctx, epoch);
  pendingMockEpochCell.set(ctx.state, epoch);
}

function setInsecure(ctx: Context, epoch: bigint): void {
  advancing(ctx, epoch);
  if (futureEpochCell.get(ctx.state) !== undefined) throw unknown("beacon: future epoch already pending");
  scheduleEpoch(ctx.state, epoch, ctx.height + 1n);
}

/** `beacon.SetEpoch`: moves the epoch by hand on chains with a mock backend; refused on all others. */
export const setEpoch: TransactionMethod = defineTransaction({
  method: "beacon.SetEpoch",
  body: u64,
  invalidBody: unknown,
  gasOp: null,
  inCheckTx: "run",
  inSimulation: "run",
  before(ctx) {
    if (!beaconParametersCell.load(ctx.state).debugMockBackend) {
      throw unknown("beacon: method 'beacon.SetEpoch' is disabled via consensus");
    }
  },
  execute(ctx, epoch) {
    if (beaconParametersCell.load(ctx.state).backend === BACKEND_VRF) setWithVrf(ctx, epoch);
    else setInsecure(ctx, epoch);
  },
});
