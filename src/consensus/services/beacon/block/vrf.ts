import { Fault } from "#common/errors/index.js";
import { type Context, EPOCH_INVALID } from "../../../app/context.js";
import { loadNodeStatus, nodeList, setNodeStatus } from "../../registry/state.js";
import { epochEvent, vrfEvent } from "../events.js";
import { vrfParameters } from "../params.js";
import {
  currentEpochCell,
  epochOf,
  futureEpochCell,
  pendingMockEpochCell,
  scheduleEpoch,
  vrfStateCell,
} from "../state.js";
import { type BeaconGenesis, type BeaconParameters, ProofMap, type VrfState } from "../types.js";
import { highQualityAlpha, lowQualityAlpha } from "./entropy.js";
import { dueTransition, enterEpoch, renewBeacon } from "./transition.js";

function scheduleByInterval(ctx: Context, epoch: bigint): void {
  scheduleEpoch(ctx.state, epoch, ctx.height + vrfParameters(ctx.state).interval);
}

/** Genesis of the VRF backend. */
export function initVrf(ctx: Context, genesis: BeaconGenesis): void {
  currentEpochCell.set(ctx.state, { epoch: genesis.base, height: ctx.env.initialHeight });
  if (genesis.params.debugMockBackend) return;
  ctx.emit(epochEvent, { epoch: genesis.base });
  scheduleByInterval(ctx, genesis.base + 1n);
}

function firstState(ctx: Context): VrfState {
  const { epoch } = epochOf(ctx.state);
  const state: VrfState = {
    epoch,
    alpha: lowQualityAlpha(ctx, epoch),
    pi: ProofMap.zero(),
    alphaHq: false,
    submitAfter: ctx.height + vrfParameters(ctx.state).proofDelay,
  };
  vrfStateCell.set(ctx.state, state);
  return state;
}

/** With explicit epochs: a pending one waits until it is certain that proofs can be in. */
function armMockEpoch(ctx: Context, params: BeaconParameters, state: VrfState): void {
  if (!params.debugMockBackend) throw new Fault("beacon: timekeeping broken");
  const pending = pendingMockEpochCell.get(ctx.state);
  if (pending === undefined || ctx.height <= state.submitAfter) return;
  if (state.pi.size < nodeList(ctx.state).length) {
    const { height } = epochOf(ctx.state);
    if (ctx.height < height + vrfParameters(ctx.state).interval) return;
  }
  pendingMockEpochCell.remove(ctx.state);
  scheduleEpoch(ctx.state, pending, ctx.height + 1n);
}

/** Nodes registered since the last transition become eligible after the next one. */
function markEligible(ctx: Context, epoch: bigint): void {
  for (const node of nodeList(ctx.state)) {
    const status = loadNodeStatus(ctx.state, node.id);
    if (status.electionEligibleAfter !== EPOCH_INVALID) continue;
    setNodeStatus(ctx.state, node.id, { ...status, electionEligibleAfter: epoch });
  }
}

/** Beginning of a block with the VRF backend (consensus: beacon, VRF, steps 1 to 6). */
export function beginVrf(ctx: Context, params: BeaconParameters): void {
  const state = vrfStateCell.get(ctx.state) ?? firstState(ctx);
  if (futureEpochCell.get(ctx.state) === undefined) {
    armMockEpoch(ctx, params, state);
    return;
  }
  const due = dueTransition(ctx);
  if (due === undefined) return;
  markEligible(ctx, due.epoch);
  enterEpoch(ctx, due.epoch, () => {
    if (!params.debugMockBackend) scheduleByInterval(ctx, due.epoch + 1n);
  });
  const { alphaHqThreshold, proofDelay } = vrfParameters(ctx.state);
  const alphaHq = BigInt(state.pi.size) >= alphaHqThreshold;
  const next: VrfState = {
    epoch: due.epoch,
    alpha: alphaHq ? highQualityAlpha(ctx, due.epoch, state.pi) : lowQualityAlpha(ctx, due.epoch),
    pi: ProofMap.zero(),
    alphaHq,
    submitAfter: ctx.height + proofDelay,
    prevState: { pi: state.pi, canElect: state.alphaHq },
  };
  vrfStateCell.set(ctx.state, next);
  renewBeacon(ctx, due.epoch);
  ctx.emit(vrfEvent, { epoch: next.epoch, alpha: next.alpha, submitAfter: next.submitAfter });
}
