/** Parameters, gas operations and what governance may change of them (governance: change structs). */
import { unknown } from "#common/errors/index.js";
import { Quantity } from "#common/quantity.js";
import { bool, nullable, omitEmpty, optional, struct, u64, u8 } from "#common/schema/index.js";
import { GasCostTable } from "../../app/parameters.js";
import { sharedCell } from "../../app/table.js";

export const GAS_SUBMIT_PROPOSAL = "submit_proposal";
export const GAS_CAST_VOTE = "cast_vote";

/** Periods and distances are in epochs, the threshold in percent of the validators' stake. */
export class GovernanceParameters extends struct("GovernanceParameters", {
  gasCosts: omitEmpty(GasCostTable),
  minProposalDeposit: omitEmpty(Quantity),
  votingPeriod: omitEmpty(u64),
  stakeThreshold: omitEmpty(u8),
  upgradeMinEpochDiff: omitEmpty(u64),
  upgradeCancelMinEpochDiff: omitEmpty(u64),
  enableChangeParametersProposal: omitEmpty(bool),
  allowVoteWithoutEntity: omitEmpty(bool),
  allowProposalMetadata: omitEmpty(bool),
}) {}

/** What governance may change of itself; null or undefined leaves a parameter as it is. */
export class GovernanceParameterChanges extends struct("GovernanceParameterChanges", {
  gasCosts: omitEmpty(nullable(GasCostTable)),
  minProposalDeposit: optional(Quantity),
  votingPeriod: optional(u64),
  stakeThreshold: optional(u8),
  upgradeMinEpochDiff: optional(u64),
  upgradeCancelMinEpochDiff: optional(u64),
  enableChangeParametersProposal: optional(bool),
}) {}

export const parameters = sharedCell(0x85, GovernanceParameters);

/** The parameters with the changes of a proposal. */
export function applyChanges(p: GovernanceParameters, c: GovernanceParameterChanges): GovernanceParameters {
  return {
    ...p,
    gasCosts: c.gasCosts ?? p.gasCosts,
    minProposalDeposit: c.minProposalDeposit ?? p.minProposalDeposit,
    votingPeriod: c.votingPeriod ?? p.votingPeriod,
    stakeThreshold: c.stakeThreshold ?? p.stakeThreshold,
    upgradeMinEpochDiff: c.upgradeMinEpochDiff ?? p.upgradeMinEpochDiff,
    upgradeCancelMinEpochDiff: c.upgradeCancelMinEpochDiff ?? p.upgradeCancelMinEpochDiff,
    enableChangeParametersProposal: c.enableChangeParametersProposal ?? p.enableChangeParametersProposal,
  };
}

/** Throws (plain) for parameters that no network may have. */
export function checkParameters(p: GovernanceParameters): void {
  if (p.stakeThreshold > 100) throw unknown("stake threshold must be less than or equal to 100");
  if (p.stakeThreshold <= 66) throw unknown("stake threshold must be greater than 66");
  if (p.votingPeriod >= p.upgradeMinEpochDiff) {
    throw unknown("voting_period should be less than upgrade_min_epoch_diff");
  }
  if (p.votingPeriod >= p.upgradeCancelMinEpochDiff) {
    throw unknown("voting_period should be less than upgrade_cancel_min_epoch_diff");
  }
}

/** Throws (plain) for a proposal that changes nothing. */
export function checkChanges(changes: GovernanceParameterChanges): void {
  if (GovernanceParameterChanges.equals(changes, GovernanceParameterChanges.zero())) {
    throw unknown("consensus parameter changes should not be empty");
  }
}
