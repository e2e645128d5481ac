/** Attacks on light clients: what convicts the validators behind one, and whether it does (consensus: evidence). */
import { equalBytes } from "#common/bytes.js";
import { BlockIdFlag, type Commit } from "../block/commit.js";
import type { LightClientAttackEvidence } from "../block/evidence.js";
import { type Header, headerHash } from "../block/header.js";
import type { CompleteLightBlock } from "../block/light-block.js";
import { compareTimestamps } from "../block/timestamp.js";
import { compareValidators, findValidator, totalVotingPower, type Validator } from "../block/validator.js";
import type { ValidatorSet } from "../block/validator.js";
import { checkLightClientAttack } from "../block/verify-evidence.js";
import { verifyThat } from "../block/verification-error.js";
import { ONE_THIRD, verifyCommitLight, verifyCommitTrusting } from "../block/verify-commit.js";

/** A header that is known to be on the chain, and the commit that made it final. */
export interface ChainHeader {
  readonly header: Header;
  readonly commit: Commit;
}

/** A header that is known to be on the chain, and its validators. */
interface CommonBlock {
  readonly header: Header;
  readonly validatorSet: ValidatorSet;
}

/** Several attacks of one light client at once: two chains were shown, and who lies cannot be told from here. */
export class LightClientAttack extends Error {
  override readonly name = "LightClientAttack";
  /** Against the primary, and against the witness if its side could be examined, too. */
  readonly evidence: readonly LightClientAttackEvidence[];

  constructor(message: string, evidence: readonly LightClientAttackEvidence[]) {
    super(message);
    this.evidence = evidence;
  }
}

/**
 * The evidence against those who signed a conflicting block.
 *
 * @param conflicting what a client was shown
 * @param trusted the block that the chain has at that height; its latest one when the chain is not there yet
 * @param common the last block that both sides have
 */
export function attackEvidence(
  conflicting: CompleteLightBlock,
  trusted: ChainHeader,
  common: CommonBlock,
): LightClientAttackEvidence {
  const { header, commit, validatorSet } = conflicting;
  // Who signed a header that follows the rules signed twice, at its own height; who made up a header is convicted by
  // the validators of the last height at which nothing was made up.
  const base = breaksRules(header, trusted.header) ? common : { header: trusted.header, validatorSet };
  return {
    conflictingBlock: { signedHeader: { header, commit }, validatorSet },
    commonHeight: base.header.height,
    byzantineValidators: byzantineValidators(conflicting, trusted, common.validatorSet),
    totalVotingPower: totalVotingPower(base.validatorSet),
    timestamp: base.header.time,
  };
}

/**
 * Verifies evidence of an attack.
 *
 * @param common the chain's block at the evidence's common height
 * @param trusted the chain's block at the height of the conflicting one; its latest one when the chain is not there yet
 * @throws VerificationError
 */
export function verifyLightClientAttack(
  evidence: LightClientAttackEvidence,
  common: CommonBlock,
  trusted: ChainHeader,
): void {
  const conflicting = checkLightClientAttack(evidence);
  const { header, commit, validatorSet } = conflicting;
  const { chainId } = trusted.header;
  verifyThat(header.chainId === chainId, "mismatch", "header belongs to another chain");
  verifyThat(common.header.height === evidence.commonHeight, "mismatch", "common block is of another height");
  const sameTime = compareTimestamps(evidence.timestamp, common.header.time) === 0;
  verifyThat(sameTime, "mismatch", "time of the evidence is not that of the common block");
  if (common.header.height !== header.height) {
    verifyCommitTrusting(chainId, common.validatorSet, commit, ONE_THIRD, "all");
  } else {
    // Without a height in between nobody could have led the client to a header that breaks the rules.
    const derived = !breaksRules(header, trusted.header);
    verifyThat(derived, "mismatch", "conflicting header at the common height does not follow from the chain");
  }
  verifyCommitLight(chainId, validatorSet, commit.blockId, header.height, commit, "all");
  const power = totalVotingPower(common.validatorSet);
  verifyThat(evidence.totalVotingPower === power, "mismatch", "total voting power is not that of the common block");
  if (header.height > trusted.header.height) {
    const early = compareTimestamps(header.time, trusted.header.time) <= 0;
    verifyThat(early, "mismatch", "a block above the chain's latest is no attack unless its time lies before it");
  } else {
    verifyThat(header.height === trusted.header.height, "mismatch", "trusted block is not of the conflicting height");
    const differs = !equalBytes(headerHash(header), headerHash(trusted.header));
    verifyThat(differs, "mismatch", "the block is on the chain");
  }
  checkConvicted(evidence.byzantineValidators, byzantineValidators(conflicting, trusted, common.validatorSet));
}

/** Whether a header differs from the chain's in what every validator computes alike, so that it was made up. */
function breaksRules(conflicting: Header, trusted: Header): boolean {
  return (
    !equalBytes(conflicting.validatorsHash, trusted.validatorsHash) ||
    !equalBytes(conflicting.nextValidatorsHash, trusted.nextValidatorsHash) ||
    !equalBytes(conflicting.consensusHash, trusted.consensusHash) ||
    !equalBytes(conflicting.appHash, trusted.appHash) ||
    !equalBytes(conflicting.lastResultsHash, trusted.lastResultsHash)
  );
}

/**
 * Who can be convicted: of a header that was made up, all that signed it and were validators at the common height; of
 * two headers in the same round, all that voted in both; of two in different rounds nobody, since a vote in a later
 * round may be honest. In set order.
 */
function byzantineValidators(
  conflicting: CompleteLightBlock,
  trusted: ChainHeader,
  commonSet: ValidatorSet,
): readonly Validator[] {
  const { signatures } = conflicting.commit;
  if (breaksRules(conflicting.header, trusted.header)) {
    return signatures
      .filter(({ blockIdFlag }) => blockIdFlag === BlockIdFlag.commit)
      .flatMap(({ validatorAddress }) => commonSet.validators[findValidator(commonSet, validatorAddress)] ?? [])
      .sort(compareValidators);
  }
  if (conflicting.commit.round !== trusted.commit.round) return [];
  // The sets are equal here, hence the positions.
  return signatures
    .flatMap((slot, index) => {
      const other = trusted.commit.signatures[index]?.blockIdFlag ?? BlockIdFlag.absent;
      const both = slot.blockIdFlag !== BlockIdFlag.absent && other !== BlockIdFlag.absent;
      return both ? (conflicting.validatorSet.validators[index] ?? []) : [];
    })
    .sort(compareValidators);
}

function checkConvicted(named: readonly Validator[], found: readonly Validator[]): void {
  const count = `evidence names ${named.length} validators, ${found.length} misbehaved`;
  verifyThat(named.length === found.length, "mismatch", count);
  found.forEach(({ address, votingPower }, index) => {
    const same = named[index];
    verifyThat(equalBytes(same?.address ?? address, address), "mismatch", `validator ${index} did not misbehave`);
    verifyThat(same?.votingPower === votingPower, "mismatch", `voting power of validator ${index} is wrong`);
  });
}
