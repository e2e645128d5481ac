/** Rewards of validators (staking: rewards, epoch signing). */
import { addressFromPublicKey } from "#common/address.js";
import { type Context, EPOCH_INVALID } from "../../../app/context.js";
import { currentEpoch } from "../../../app/epoch.js";
import { eligibleEntities } from "../logic/epoch-signing.js";
import { parameters } from "../params.js";
import { addAttenuatedReward, addRewards, clearEpochSigning, getEpochSigning } from "../state/index.js";

/** Rewards the proposer of a block, by the fraction of validators whose votes it included. */
export function rewardProposer(ctx: Context, proposer: Uint8Array, included: readonly [bigint, bigint]): void {
  const epoch = currentEpoch(ctx);
  // The first block belongs to no epoch.
  if (epoch === EPOCH_INVALID) return;
  addAttenuatedReward(ctx, epoch, parameters.load(ctx.state).rewardFactorBlockProposed, included, proposer);
}

/** Rewards who signed enough blocks of the epoch that has ended, and starts counting anew. */
export function rewardSigners(ctx: Context, epoch: bigint): void {
  const params = parameters.load(ctx.state);
  const signing = getEpochSigning(ctx.state);
  clearEpochSigning(ctx.state);
  const denominator = params.signingRewardThresholdDenominator;
  if (denominator === 0n || signing.total === 0n) return;
  const entities = eligibleEntities(signing, params.signingRewardThresholdNumerator, denominator);
  addRewards(ctx, epoch, params.rewardFactorEpochSigned, entities.map(addressFromPublicKey));
}
