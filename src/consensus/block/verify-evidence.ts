import { compareBytes, concatBytes, equalBytes } from "#common/bytes.js";
import { type BlockId, equalBlockIds, PartSetHeader } from "./block-id.js";
import type { DuplicateVoteEvidence, Evidence, LightClientAttackEvidence } from "./evidence.js";
import { checkLightBlock, type CompleteLightBlock } from "./light-block.js";
import { verifyVote } from "./signing.js";
import { findValidator, totalVotingPower, type ValidatorSet } from "./validator.js";
import { verifyThat } from "./verification-error.js";
import { checkVote, type Vote } from "./vote.js";

/**
 * Checks what can be checked of a piece of evidence without context.
 *
 * @throws VerificationError `malformed`, or `mismatch` when the parts of a conflicting block do not belong together
 */
export function checkEvidence(evidence: Evidence): void {
  if (evidence.type === "duplicateVote") checkDuplicateVote(evidence.value);
  else checkLightClientAttack(evidence.value);
}

/**
 * Verifies that a validator signed two different votes in one round.
 *
 * @param set validators of the height that the votes are for
 * @throws VerificationError `malformed`, `mismatch` or `signature`
 */
export function verifyDuplicateVote(chainId: string, evidence: DuplicateVoteEvidence, set: ValidatorSet): void {
  const [a, b] = checkDuplicateVote(evidence);
  const same = a.height === b.height && a.round === b.round && a.type === b.type;
  verifyThat(same, "mismatch", "the two votes are not of the same height, round and type");
  verifyThat(
    equalBytes(a.validatorAddress, b.validatorAddress),
    "mismatch",
    "the two votes are of different validators",
  );
  verifyThat(!equalBlockIds(a.blockId, b.blockId), "mismatch", "the two votes are for the same block");
  const validator = set.validators[findValidator(set, a.validatorAddress)];
  verifyThat(validator !== undefined, "mismatch", "the voter was not a validator at that height");
  verifyThat(validator.votingPower === evidence.validatorPower, "mismatch", "voting power of the validator is wrong");
  verifyThat(totalVotingPower(set) === evidence.totalVotingPower, "mismatch", "total voting power is wrong");
  verifyThat(verifyVote(chainId, validator.publicKey, a), "signature", "signature of the first vote is wrong");
  verifyThat(verifyVote(chainId, validator.publicKey, b), "signature", "signature of the second vote is wrong");
}

function checkDuplicateVote(evidence: DuplicateVoteEvidence): [Vote, Vote] {
  const { voteA, voteB } = evidence;
  verifyThat(voteA !== undefined && voteB !== undefined, "malformed", "evidence lacks one of the two votes");
  checkVote(voteA);
  checkVote(voteB);
  // One order only, so that the same evidence cannot be submitted twice.
  const ordered = compareBytes(orderKey(voteA.blockId), orderKey(voteB.blockId)) < 0;
  verifyThat(ordered, "malformed", "the two votes are not ordered by block id");
  return [voteA, voteB];
}

/**
 * The same for an attack on light clients alone.
 *
 * @returns the conflicting block with all its parts
 * @throws VerificationError `malformed` or `mismatch`
 */
export function checkLightClientAttack(evidence: LightClientAttackEvidence): CompleteLightBlock {
  const { conflictingBlock, commonHeight, totalVotingPower: power } = evidence;
  verifyThat(conflictingBlock !== undefined, "malformed", "evidence has no conflicting block");
  verifyThat(power > 0n, "malformed", "total voting power is not positive");
  verifyThat(commonHeight > 0n, "malformed", "common height is not positive");
  const header = conflictingBlock.signedHeader?.header;
  verifyThat(header !== undefined, "malformed", "conflicting block has no header");
  verifyThat(commonHeight <= header.height, "malformed", "common height lies above the conflicting block");
  return checkLightBlock(header.chainId, conflictingBlock);
}

function orderKey(id: BlockId): Uint8Array {
  return concatBytes(id.hash, PartSetHeader.encode(id.partSetHeader));
}
