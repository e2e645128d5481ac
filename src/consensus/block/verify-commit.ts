import { assert } from "#common/assert.js";
import { equalBytes, toHex } from "#common/bytes.js";
import { type BlockId, equalBlockIds } from "./block-id.js";
import { BlockIdFlag, type Commit, commitVote } from "./commit.js";
import { verifyVote } from "./signing.js";
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
  let signed = 0n;
  commit.signatures.forEach((slot, index) => {
    if (slot.blockIdFlag === BlockIdFlag.absent) return;
    const validator = validatorAt(set, index);
    const expected = equalBytes(validator.address, slot.validatorAddress);
    verifyThat(expected, "mismatch", `commit signature ${index} is of another validator`);
    checkSignature(chainId, commit, index, validator);
    if (slot.blockIdFlag === BlockIdFlag.commit) signed += validator.votingPower;
  });
  requirePower(signed, twoThirds(set));
}

/**
 * The same for light clients: only votes for the block count, and checking stops once there are enough.
 *
 * @throws VerificationError `mismatch`, `signature` or `power`
 */
export function verifyCommitLight(
  chainId: string,
  set: ValidatorSet,
  blockId: BlockId,
  height: bigint,
  commit: Commit,
): void {
  checkCommitFits(set, blockId, height, commit);
  const needed = twoThirds(set);
  let signed = 0n;
  for (const [index, slot] of commit.signatures.entries()) {
    if (slot.blockIdFlag !== BlockIdFlag.commit) continue;
    const validator = validatorAt(set, index);
    checkSignature(chainId, commit, index, validator);
    signed += validator.votingPower;
    if (signed > needed) return;
  }
  requirePower(signed, needed);
}

/**
 * Checks that more than a share of *another*, trusted set signed a commit; the sets need to overlap only so far.
 *
 * @throws VerificationError `malformed`, `signature` or `power`
 */
export function verifyCommitTrusting(
  chainId: string,
  trusted: ValidatorSet,
  commit: Commit,
  level: TrustLevel = ONE_THIRD,
): void {
  checkTrustLevel(level);
  const needed = (totalVotingPower(trusted) * level.numerator) / level.denominator;
  const positions = new Map(trusted.validators.map((validator, index) => [toHex(validator.address), index]));
  const seen = new Set<number>();
  let signed = 0n;
  for (const [index, slot] of commit.signatures.entries()) {
    if (slot.blockIdFlag !== BlockIdFlag.commit) continue;
    const position = positions.get(toHex(slot.validatorAddress));
    if (position === undefined) continue;
    verifyThat(!seen.has(position), "malformed", `commit signature ${index} repeats a validator`);
    seen.add(position);
    const validator = validatorAt(trusted, position);
    checkSignature(chainId, commit, index, validator);
    signed += validator.votingPower;
    if (signed > needed) return;
  }
  requirePower(signed, needed);
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

function checkSignature(chainId: string, commit: Commit, index: number, validator: Validator): void {
  if (!verifyVote(chainId, validator.publicKey, commitVote(commit, index))) {
    throw new VerificationError("signature", `commit signature ${index} is wrong`);
  }
}

function requirePower(signed: bigint, needed: bigint): void {
  verifyThat(signed > needed, "power", `voting power ${signed} signed, more than ${needed} is needed`);
}

function twoThirds(set: ValidatorSet): bigint {
  return (totalVotingPower(set) * 2n) / 3n;
}

function validatorAt(set: ValidatorSet, index: number): Validator {
  const validator = set.validators[index];
  assert(validator !== undefined, "validator index out of range");
  return validator;
}
