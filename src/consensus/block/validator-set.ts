import { assert } from "#common/assert.js";
import { compareBytes, equalBytes } from "#common/bytes.js";
import { consensusAddress } from "./block-id.js";
import {
  compareValidators,
  MAX_TOTAL_VOTING_POWER,
  totalVotingPower,
  type Validator,
  type ValidatorSet,
} from "./validator.js";
import { verifyThat } from "./verification-error.js";

/** A change of the validator set: power 0 removes the validator. */
export interface ValidatorUpdate {
  /** 32-byte Ed25519 consensus key. */
  readonly publicKey: Uint8Array;
  readonly power: bigint;
}

// Priorities are kept within twice the total power of each other.
const PRIORITY_WINDOW = 2n;
const INT64_MAX = (1n << 63n) - 1n;
const INT64_MIN = -(1n << 63n);

const EMPTY_SET: ValidatorSet = { validators: [], proposer: undefined, totalVotingPower: 0n };

/**
 * The set that a chain starts with: all priorities equal, then one turn of the rotation.
 *
 * @throws VerificationError when a key appears twice, a power is not positive or the total is too large
 */
export function newValidatorSet(members: readonly ValidatorUpdate[]): ValidatorSet {
  verifyThat(
    members.every((member) => member.power > 0n),
    "malformed",
    "a validator of the first set has no voting power",
  );
  return members.length === 0 ? EMPTY_SET : rotateProposer(applyValidatorUpdates(EMPTY_SET, members), 1);
}

/**
 * Applies the changes that EndBlock returned. Newcomers start far back in the rotation, so that leaving and coming
 * back never improves one's turn. The proposer is not chosen anew: `rotateProposer` follows.
 *
 * @throws VerificationError when a key appears twice, a removed one is unknown, or the result is empty or too powerful
 */
export function applyValidatorUpdates(set: ValidatorSet, updates: readonly ValidatorUpdate[]): ValidatorSet {
  if (updates.length === 0) return set;
  const changes = changesByAddress(updates);
  const current = [...set.validators].sort((a, b) => compareBytes(a.address, b.address));
  const known = (address: Uint8Array) => current.find((validator) => equalBytes(validator.address, address));

  let removedPower = 0n;
  let addedPower = 0n;
  for (const { address, votingPower } of changes) {
    const before = known(address);
    if (votingPower === 0n) {
      verifyThat(before !== undefined, "malformed", "a removed validator is not in the set");
      removedPower += before.votingPower;
    } else {
      addedPower += votingPower - (before?.votingPower ?? 0n);
    }
  }
  const totalAfter = totalVotingPower(set) - removedPower + addedPower;
  verifyThat(totalAfter <= MAX_TOTAL_VOTING_POWER, "malformed", "total voting power would be too large");
  verifyThat(totalAfter > 0n, "malformed", "the validator set would be empty");

  // Newcomers are measured against the power before removals, as the reference does.
  const beforeRemovals = totalAfter + removedPower;
  const newcomerPriority = -(beforeRemovals + (beforeRemovals >> 3n));
  const unchanged = current.filter((old) => !changes.some((change) => equalBytes(change.address, old.address)));
  const changed = changes
    .filter((change) => change.votingPower > 0n)
    .map((change) => ({ ...change, proposerPriority: known(change.address)?.proposerPriority ?? newcomerPriority }));
  const centred = centrePriorities(rescalePriorities([...unchanged, ...changed]));
  return { validators: [...centred].sort(compareValidators), proposer: set.proposer, totalVotingPower: 0n };
}

/**
 * Gives every validator as many turns of credit as rounds pass and charges each round's proposer the total power.
 *
 * @param times how many turns, at least 1
 */
export function rotateProposer(set: ValidatorSet, times: number): ValidatorSet {
  assert(times > 0, "the proposer rotates at least once");
  assert(set.validators.length > 0, "an empty validator set has no proposer");
  let validators = centrePriorities(rescalePriorities(set.validators));
  const total = totalVotingPower(set);
  let chosen = 0;
  for (let turn = 0; turn < times; turn++) {
    validators = validators.map((validator) => ({
      ...validator,
      proposerPriority: clip(validator.proposerPriority + validator.votingPower),
    }));
    chosen = highestPriority(validators);
    validators = validators.map((validator, index) =>
      index === chosen ? { ...validator, proposerPriority: clip(validator.proposerPriority - total) } : validator,
    );
  }
  return { validators, proposer: validators[chosen], totalVotingPower: 0n };
}

/** The validator whose turn it is in a round of the height that `set` belongs to. */
export function proposerOfRound(set: ValidatorSet, round: number): Validator {
  const { proposer } = round === 0 ? set : rotateProposer(set, round);
  assert(proposer !== undefined, "a validator set in use has a proposer");
  return proposer;
}

function changesByAddress(updates: readonly ValidatorUpdate[]): Validator[] {
  const changes = updates
    .map(({ publicKey, power }) => ({
      address: consensusAddress(publicKey),
      publicKey,
      votingPower: power,
      proposerPriority: 0n,
    }))
    .sort((a, b) => compareBytes(a.address, b.address));
  changes.forEach((change, index) => {
    const previous = changes[index - 1];
    const fresh = previous === undefined || !equalBytes(previous.address, change.address);
    verifyThat(fresh, "malformed", "a validator appears twice in one update");
    verifyThat(change.votingPower >= 0n, "malformed", "voting power is negative");
    verifyThat(change.votingPower <= MAX_TOTAL_VOTING_POWER, "malformed", "voting power is too large");
  });
  return changes;
}

/** Divides all priorities by one whole number when they lie further apart than the window allows. */
function rescalePriorities(validators: readonly Validator[]): readonly Validator[] {
  let total = 0n;
  let highest = INT64_MIN;
  let lowest = INT64_MAX;
  for (const { votingPower, proposerPriority } of validators) {
    total += votingPower;
    if (proposerPriority > highest) highest = proposerPriority;
    if (proposerPriority < lowest) lowest = proposerPriority;
  }
  const window = PRIORITY_WINDOW * total;
  // The reference subtracts in 64 bits and takes the absolute value of what comes out.
  const wrapped = BigInt.asIntN(64, highest - lowest);
  const spread = wrapped < 0n ? BigInt.asIntN(64, -wrapped) : wrapped;
  if (window <= 0n || spread <= window) return validators;
  const ratio = BigInt.asIntN(64, spread + window - 1n) / window;
  return validators.map((validator) => ({ ...validator, proposerPriority: validator.proposerPriority / ratio }));
}

/** Shifts all priorities so that their (rounded down) average is zero. */
function centrePriorities(validators: readonly Validator[]): readonly Validator[] {
  const count = BigInt(validators.length);
  let sum = 0n;
  for (const validator of validators) sum += validator.proposerPriority;
  const remainder = sum % count;
  const average = (sum - (remainder < 0n ? remainder + count : remainder)) / count;
  return validators.map((validator) => ({
    ...validator,
    proposerPriority: clip(validator.proposerPriority - average),
  }));
}

function highestPriority(validators: readonly Validator[]): number {
  let best = 0;
  validators.forEach((validator, index) => {
    const leader = validators[best];
    if (leader === undefined || validator.proposerPriority < leader.proposerPriority) return;
    const ahead =
      validator.proposerPriority > leader.proposerPriority || compareBytes(validator.address, leader.address) < 0;
    if (ahead) best = index;
  });
  return best;
}

function clip(value: bigint): bigint {
  if (value > INT64_MAX) return INT64_MAX;
  return value < INT64_MIN ? INT64_MIN : value;
}
