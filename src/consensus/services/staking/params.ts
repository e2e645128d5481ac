/** Parameters, gas operations and what governance may change of them (staking: parameters). */
import { Address } from "#common/address.js";
import { unknown } from "#common/errors/index.js";
import { FRAME_ELEMENTS } from "#common/limits.js";
import { Quantity } from "#common/quantity.js";
import { bool, list, map, nullable, omitEmpty, optional, struct, text, u32, u64, u8 } from "#common/schema/index.js";
import type { Context } from "../../app/context.js";
import { EPOCH_INVALID } from "../../app/context.js";
import { GasCostTable } from "../../app/parameters.js";
import { sharedCell } from "../../app/table.js";
import type { GasCosts } from "../../transaction/gas.js";
import { COMMISSION_RATE_DENOMINATOR, CommissionScheduleRules } from "./types/commission.js";
import { Slash, SlashReason, THRESHOLD_RUNTIME_KEY_MANAGER, ThresholdKind } from "./types/thresholds.js";

export const GAS_TRANSFER = "transfer";
export const GAS_BURN = "burn";
export const GAS_ADD_ESCROW = "add_escrow";
export const GAS_RECLAIM_ESCROW = "reclaim_escrow";
export const GAS_AMEND_COMMISSION_SCHEDULE = "amend_commission_schedule";
export const GAS_ALLOW = "allow";
export const GAS_WITHDRAW = "withdraw";

/** Rewards are counted in millionths of a percent. */
export const REWARD_DENOMINATOR = 100_000_000n;

/** How much of the full reward is paid up to (not including) an epoch. */
export class RewardStep extends struct("RewardStep", { until: u64, scale: Quantity }) {}

export class StakingParameters extends struct("StakingParameters", {
  tokenSymbol: omitEmpty(text({ max: 64 })),
  tokenValueExponent: omitEmpty(u8),
  thresholds: omitEmpty(map(ThresholdKind, Quantity, { max: 256 })),
  debondingInterval: omitEmpty(u64),
  rewardSchedule: omitEmpty(list(RewardStep, { max: FRAME_ELEMENTS })),
  signingRewardThresholdNumerator: omitEmpty(u64),
  signingRewardThresholdDenominator: omitEmpty(u64),
  commissionScheduleRules: CommissionScheduleRules,
  slashing: omitEmpty(map(SlashReason, Slash, { max: 256 })),
  gasCosts: omitEmpty(GasCostTable),
  minDelegation: Quantity,
  minTransfer: Quantity,
  minTransactBalance: Quantity,
  disableTransfers: omitEmpty(bool),
  disableDelegation: omitEmpty(bool),
  undisableTransfersFrom: omitEmpty(map(Address, bool, { max: FRAME_ELEMENTS })),
  allowEscrowMessages: omitEmpty(bool),
  maxAllowances: omitEmpty(u32),
  feeSplitWeightPropose: Quantity,
  feeSplitWeightVote: Quantity,
  feeSplitWeightNextPropose: Quantity,
  rewardFactorEpochSigned: Quantity,
  rewardFactorBlockProposed: Quantity,
  debugBypassStake: omitEmpty(bool),
}) {}

/** What governance may change; null or undefined leaves a parameter as it is. */
export class StakingParameterChanges extends struct("StakingParameterChanges", {
  debondingInterval: optional(u64),
  rewardSchedule: optional(list(RewardStep, { max: FRAME_ELEMENTS })),
  gasCosts: omitEmpty(nullable(GasCostTable)),
  minDelegation: nullable(Quantity),
  minTransfer: nullable(Quantity),
  minTransactBalance: nullable(Quantity),
  minCommissionRate: nullable(Quantity),
  disableTransfers: optional(bool),
  disableDelegation: optional(bool),
  allowEscrowMessages: optional(bool),
  maxAllowances: optional(u32),
  feeSplitWeightPropose: nullable(Quantity),
  feeSplitWeightVote: nullable(Quantity),
  feeSplitWeightNextPropose: nullable(Quantity),
  rewardFactorEpochSigned: nullable(Quantity),
  rewardFactorBlockProposed: nullable(Quantity),
}) {}

export const parameters = sharedCell(0x56, StakingParameters);

/** Gas prices in the current state. */
export function gasCosts(ctx: Context): GasCosts {
  return parameters.load(ctx.state).gasCosts;
}

/** The parameters with the changes of a proposal. */
export function applyChanges(p: StakingParameters, c: StakingParameterChanges): StakingParameters {
  const rules = p.commissionScheduleRules;
  return {
    ...p,
    debondingInterval: c.debondingInterval ?? p.debondingInterval,
    rewardSchedule: c.rewardSchedule ?? p.rewardSchedule,
    gasCosts: c.gasCosts ?? p.gasCosts,
    minDelegation: c.minDelegation ?? p.minDelegation,
    minTransfer: c.minTransfer ?? p.minTransfer,
    minTransactBalance: c.minTransactBalance ?? p.minTransactBalance,
    commissionScheduleRules: { ...rules, minCommissionRate: c.minCommissionRate ?? rules.minCommissionRate },
    disableTransfers: c.disableTransfers ?? p.disableTransfers,
    disableDelegation: c.disableDelegation ?? p.disableDelegation,
    allowEscrowMessages: c.allowEscrowMessages ?? p.allowEscrowMessages,
    maxAllowances: c.maxAllowances ?? p.maxAllowances,
    feeSplitWeightPropose: c.feeSplitWeightPropose ?? p.feeSplitWeightPropose,
    feeSplitWeightVote: c.feeSplitWeightVote ?? p.feeSplitWeightVote,
    feeSplitWeightNextPropose: c.feeSplitWeightNextPropose ?? p.feeSplitWeightNextPropose,
    rewardFactorEpochSigned: c.rewardFactorEpochSigned ?? p.rewardFactorEpochSigned,
    rewardFactorBlockProposed: c.rewardFactorBlockProposed ?? p.rewardFactorBlockProposed,
  };
}

/** Throws (plain) for parameters that no network may have. */
export function checkParameters(p: StakingParameters, dontBlameOasis: boolean): void {
  if (p.debugBypassStake && !dontBlameOasis) throw unknown("one or more unsafe debug flags set");
  for (let kind = 0; kind <= THRESHOLD_RUNTIME_KEY_MANAGER; kind++) {
    if (!p.thresholds.has(kind)) throw unknown(`threshold for kind ${kind} not defined`);
  }
  if (p.feeSplitWeightPropose + p.feeSplitWeightVote + p.feeSplitWeightNextPropose === 0n) {
    throw unknown("fee split proportions are all zero");
  }
  if (p.commissionScheduleRules.minCommissionRate > COMMISSION_RATE_DENOMINATOR) {
    throw unknown("minimum commission over unity");
  }
  let previous = 0n;
  for (const step of p.rewardSchedule) {
    if (step.scale > REWARD_DENOMINATOR) throw unknown(`reward scale must be at most ${REWARD_DENOMINATOR}`);
    if (step.until === EPOCH_INVALID) throw unknown("reward until field must be a valid epoch");
    if (step.until <= previous) throw unknown("reward schedule steps must be sequential");
    previous = step.until;
  }
  if (p.signingRewardThresholdNumerator > p.signingRewardThresholdDenominator) {
    throw unknown("signing reward threshold numerator must be less than or equal to denominator");
  }
}

/** Throws (plain) for a proposal that changes nothing. */
export function checkChanges(changes: StakingParameterChanges): void {
  if (StakingParameterChanges.equals(changes, StakingParameterChanges.zero())) {
    throw unknown("consensus parameter changes should not be empty");
  }
}
