import type { Context } from "../../../app/context.js";
import { epochInState, newEpoch } from "../../../app/epoch.js";
import type { ValidatorUpdate } from "../../../transaction/results.js";
import { runtimeList } from "../../registry/state.js";
import { escrowTaken } from "../../staking/events.js";
import { addRewards } from "../../staking/state/index.js";
import { beforeSchedule, electedEvent } from "../events.js";
import { electCommittee, electStorageCommittees } from "./committees.js";
import { prepareElection } from "./election.js";
import { electValidators } from "./validators.js";
import { schedulerParametersCell } from "../params.js";
import { currentValidators, currentValidatorsCell, pendingValidatorsCell } from "../state.js";
import { COMMITTEE_EXECUTOR, COMMITTEE_STORAGE } from "../types.js";

function elect(ctx: Context, epoch: bigint, reward: boolean): void {
  ctx.publish(beforeSchedule, epoch);
  const election = prepareElection(ctx, epoch);
  electValidators(election);
  const runtimes = runtimeList(ctx.state);
  for (const runtime of runtimes) electCommittee(election, runtime);
  const kinds = electStorageCommittees(election, runtimes)
    ? [COMMITTEE_EXECUTOR, COMMITTEE_STORAGE]
    : [COMMITTEE_EXECUTOR];
  ctx.emit(electedEvent, { kinds });
  if (!reward) return;
  const { rewardFactorEpochElectionAny } = schedulerParametersCell.load(ctx.state);
  addRewards(ctx, epoch, rewardFactorEpochElectionAny, Array.from(election.rewardable.keys()));
}

/** Elects at every epoch change but into the base epoch, and again when stake was slashed in this block. */
export function beginBlock(ctx: Context): void {
  // Before the second block the epoch counts as not known, so nothing was slashed that could matter.
  if (ctx.env.stateHeight === 0n || epochInState(ctx) === ctx.env.baseEpoch) return;
  const epoch = newEpoch(ctx);
  if (epoch !== undefined) elect(ctx, epoch, true);
  else if (ctx.hasEmitted(escrowTaken.type, escrowTaken.kind)) elect(ctx, epochInState(ctx), false);
}

/** Puts a new validator set into force and reports what changed. */
export function endBlock(ctx: Context): readonly ValidatorUpdate[] {
  const pending = pendingValidatorsCell.get(ctx.state);
  if (pending === undefined) return [];
  const current = currentValidators(ctx.state);
  pendingValidatorsCell.remove(ctx.state);
  const updates: ValidatorUpdate[] = [];
  for (const publicKey of current.keys()) if (!pending.has(publicKey)) updates.push({ publicKey, power: 0n });
  for (const [publicKey, { votingPower }] of pending) {
    if (current.get(publicKey)?.votingPower !== votingPower) updates.push({ publicKey, power: votingPower });
  }
  currentValidatorsCell.set(ctx.state, pending);
  return updates;
}
