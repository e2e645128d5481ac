import { assert } from "#common/assert.js";
import { equalBytes, toHex } from "#common/bytes.js";
import { type BlockId, equalBlockIds } from "./block-id.js";
import { BlockIdFlag, type Commit, commitVote } from "./commit.js";
import { verifyVotes } from "./signing.js";
import { compareTimestamps, type Timestamp, ZERO_TIME } from "./timestamp.js";
import { findValidator, totalVotingPower, type Validator, type ValidatorSet } from "./validator.js";
import { VerificationError, verifyThat } from "./verification-error.js";

/** A share of the voting power, between 1/3 and 1. */
export interface TrustLevel {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** More than this share contains at least one honest validator. */
export const ONE_THIRD: TrustLevel = { numerator: 1n, denominator: 3n };

/**
 * Checks that more than two thirds of a set's power signed a block, and that *every* signature present is good: who
 * signed decides about rewards, so a commit with one bad signature is refused as a whole.
 *
 * @throws VerificationError `mismatch`, `signature` or `power`
 */
export function verifyCommit(
  chainId: string,
  set: ValidatorSet,
  blockId: BlockId,
  height: bigint,
  commit: Commit,
): void {
  checkCommitFits(set, blockId, height, commit);
  const signers: Signer[] = [];
  let signed = 0n;
  commit.signatures.forEach((slot, index) => {
    if (slot.blockIdFlag === BlockIdFlag.absent) return;
    const validator = validatorAt(set, index);
    const expected = equalBytes(validator.address, slot.validatorAddress);
    verifyThat(expected, "mismatch", `commit signature ${index} is of another validator`);
    signers.push({ index, validator });
    if (slot.blockIdFlag === BlockIdFlag.commit) signed += validator.votingPower;
  });
  requirePower(signed, twoThirds(set), "power");
  checkSignatures(chainId, commit, signers);
}

/** Which of a commit's votes for the block are verified: until there are enough, or every one. */
export type Thoroughness = "enough" | "all";

/**
 * The same for light clients: only votes for the block count, and checking stops once there are enough.
 *
 * @param thoroughness "all" where the commit is to convict its signers; "enough" if absent
 * @throws VerificationError `mismatch`, `signature` or `power`
 */
export function verifyCommitLight(
  chainId: string,
  set: ValidatorSet,
  blockId: BlockId,
  height: bigint,
  commit: Commit,
  thoroughness: Thoroughness = "enough",
): void {
  checkCommitFits(set, blockId, height, commit);
  const needed = twoThirds(set);
  const signers: Signer[] = [];
  let signed = 0n;
  for (const [index, slot] of commit.signatures.entries()) {
    if (slot.blockIdFlag !== BlockIdFlag.commit) continue;
    const validator = validatorAt(set, index);
    signers.push({ index, validator });
    signed += validator.votingPower;
    if (signed > needed && thoroughness === "enough") break;
  }
  requirePower(signed, needed, "power");
  checkSignatures(chainId, commit, signers);
}

/**
 * Checks that more than a share of *another*, trusted set signed a commit; the sets need to overlap only so far.
 *
 * @param thoroughness as for `verifyCommitLight`
 * @throws VerificationError `malformed`, `signature` or `trust`
 */
export function verifyCommitTrusting(
  chainId: string,
  trusted: ValidatorSet,
  commit: Commit,
  level: TrustLevel = ONE_THIRD,
  thoroughness: Thoroughness = "enough",
): void {
  checkTrustLevel(level);
  const needed = (totalVotingPower(trusted) * level.numerator) / level.denominator;
  const positions = new Map(trusted.validators.map((validator, index) => [toHex(validator.address), index]));
  const seen = new Set<number>();
  const signers: Signer[] = [];
  let signed = 0n;
  for (const [index, slot] of commit.signatures.entries()) {
    if (slot.blockIdFlag !== BlockIdFlag.commit) continue;
    const position = positions.get(toHex(slot.validatorAddress));
    if (position === undefined) continue;
    verifyThat(!seen.has(position), "malformed", `commit signature ${index} repeats a validator`);
    seen.add(position);
    const validator = validatorAt(trusted, position);
    signers.push({ index, validator });
    signed += validator.votingPower;
    if (signed > needed && thoroughness === "enough") break;
  }
  requirePower(signed, needed, "trust");
  checkSignatures(chainId, commit, signers);
}

/**
 * Time of a block: the median of its last commit's times, weighted by power (consensus: CometBFT, block time).
 *
 * @throws VerificationError `mismatch` when a signature is of no validator of the set
 */
export function medianTime(commit: Commit, set: ValidatorSet): Timestamp {
  const weighted: { time: Timestamp; power: bigint }[] = [];
  let total = 0n;
  for (const slot of commit.signatures) {
    if (slot.blockIdFlag === BlockIdFlag.absent) continue;
    const validator = set.validators[findValidator(set, slot.validatorAddress)];
    verifyThat(validator !== undefined, "mismatch", "a commit signature is of no validator of the set");
    weighted.push({ time: slot.timestamp, power: validator.votingPower });
    total += validator.votingPower;
  }
  weighted.sort((a, b) => compareTimestamps(a.time, b.time));
  let median = total / 2n;
  for (const { time, power } of weighted) {
    if (median <= power) return time;
    median -= power;
  }
  return ZERO_TIME;
}

function checkTrustLevel({ numerator, denominator }: TrustLevel): void {
  assert(denominator > 0n && numerator <= denominator && numerator * 3n >= denominator, "trust level not in [1/3, 1]");
}

function checkCommitFits(set: ValidatorSet, blockId: BlockId, height: bigint, commit: Commit): void {
  const size = set.validators.length;
  const slots = commit.signatures.length;
  verifyThat(size === slots, "mismatch", `commit has ${slots} signatures for ${size} validators`);
  verifyThat(commit.height === height, "mismatch", `commit is for height ${commit.height}, not ${height}`);
  verifyThat(equalBlockIds(blockId, commit.blockId), "mismatch", "commit is for another block");
}

/** A slot of a commit and the validator whose signature it must hold. */
interface Signer {
  readonly index: number;
  readonly validator: Validator;
}

function checkSignatures(chainId: string, commit: Commit, signers: readonly Signer[]): void {
  const votes = signers.map(({ index, validator }) => ({
    publicKey: validator.publicKey,
    vote: commitVote(commit, index),
  }));
  const wrong = verifyVotes(chainId, votes);
  if (wrong === undefined) return;
  throw new VerificationError("signature", `commit signature ${signers[wrong]?.index} is wrong`);
}

function requirePower(signed: bigint, needed: bigint, reason: "power" | "trust"): void {
  const whose = reason === "trust" ? "trusted voting power" : "voting power";
  verifyThat(signed > needed, reason, `${whose} ${signed} signed, more than ${needed} is needed`);
}

function twoThirds(set: ValidatorSet): bigint {
  return (totalVotingPower(set) * 2n) / 3n;
}

function validatorAt(set: ValidatorSet, index: number): Validator {
  const validator = set.validators[index];
  assert(validator !== undefined, "validator index out of range");
  return validator;
}
