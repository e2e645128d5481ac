/** How the fees of a block are divided (staking: fees). All divisions round down. */
import { Fault } from "#common/errors/index.js";

export interface FeeWeights {
  readonly feeSplitWeightPropose: bigint;
  readonly feeSplitWeightVote: bigint;
  readonly feeSplitWeightNextPropose: bigint;
}

/** What is kept of a block's fees for its voters and the next proposer; the rest is the proposer's. */
export function feesToKeep(fees: bigint, weights: FeeWeights): bigint {
  const later = weights.feeSplitWeightVote + weights.feeSplitWeightNextPropose;
  return (fees * later) / (later + weights.feeSplitWeightPropose);
}

/**
 * Shares in the kept fees, for each validator that voted: the voter's and the next proposer's.
 * @param validators number of validators that could have voted
 * @throws Fault for weights or numbers with which the reference stops
 */
export function votersShares(kept: bigint, weights: FeeWeights, validators: bigint): { vote: bigint; propose: bigint } {
  const total = weights.feeSplitWeightVote + weights.feeSplitWeightNextPropose;
  if (validators === 0n || total === 0n) throw new Fault("fees of the last block cannot be divided");
  const each = kept / validators;
  const propose = (each * weights.feeSplitWeightNextPropose) / total;
  return { vote: each - propose, propose };
}
