import { compareBytes, equalBytes } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { consensusAddress, CONSENSUS_ADDRESS_SIZE } from "./block-id.js";
import { merkleRoot } from "./merkle.js";
import { MAX_VOTES } from "./commit.js";
import { bytes, embedded, int64, messages, optional } from "./proto/fields.js";
import { message, type ProtoType, protoType } from "./proto/message.js";
import { verifyThat } from "./verification-error.js";

/** Largest total voting power of a set; leaves room for the priority arithmetic in 64 bits. */
export const MAX_TOTAL_VOTING_POWER = ((1n << 63n) - 1n) / 8n;

/** One member of a validator set. */
export interface Validator {
  /** `consensusAddress` of the key. */
  readonly address: Uint8Array;
  /** 32-byte Ed25519 consensus key. */
  readonly publicKey: Uint8Array;
  readonly votingPower: bigint;
  /** Standing in the rotation of proposers; not part of any hash. */
  readonly proposerPriority: bigint;
}

/** Validators ordered by power, highest first, then by address. */
export interface ValidatorSet {
  readonly validators: readonly Validator[];
  /** Proposer of round 0, with the priority it has after being chosen. */
  readonly proposer: Validator | undefined;
  /** What the sender claims, usually 0; never believed: use `totalVotingPower(set)`. */
  readonly totalVotingPower: bigint;
}

const PUBLIC_KEY_SIZE = 32;
const rawPublicKey = message<{ ed25519: Uint8Array }>("PublicKey", { ed25519: bytes(1, PUBLIC_KEY_SIZE) });

/** tendermint.crypto.PublicKey; only its Ed25519 arm exists here. */
export const PublicKeyMessage: ProtoType<Uint8Array> = protoType<Uint8Array>("PublicKey", {
  zero: () => new Uint8Array(PUBLIC_KEY_SIZE),
  write: (writer, publicKey) => rawPublicKey.write(writer, { ed25519: publicKey }),
  read(reader) {
    const { ed25519 } = rawPublicKey.read(reader);
    if (ed25519.length !== PUBLIC_KEY_SIZE) throw new DecodeError("not a 32-byte Ed25519 key", "ed25519");
    return ed25519;
  },
});

export const Validator: ProtoType<Validator> = message<Validator>("Validator", {
  address: bytes(1, CONSENSUS_ADDRESS_SIZE),
  publicKey: embedded(2, PublicKeyMessage),
  votingPower: int64(3),
  proposerPriority: int64(4),
});

export const ValidatorSet: ProtoType<ValidatorSet> = message<ValidatorSet>("ValidatorSet", {
  validators: messages(1, Validator, MAX_VOTES),
  proposer: optional(2, Validator),
  totalVotingPower: int64(3),
});

const HashedValidator = message<{ publicKey: Uint8Array; votingPower: bigint }>("HashedValidator", {
  publicKey: embedded(1, PublicKeyMessage),
  votingPower: int64(2),
});

/** Hash of a set as headers carry it: keys and powers in set order, without priorities. */
export function validatorSetHash(set: ValidatorSet): Uint8Array {
  return merkleRoot(
    set.validators.map(({ publicKey, votingPower }) => HashedValidator.encode({ publicKey, votingPower })),
  );
}

/** Sum of the powers. */
export function totalVotingPower(set: ValidatorSet): bigint {
  let total = 0n;
  for (const validator of set.validators) total += validator.votingPower;
  return total;
}

/** Position of the validator with this 20-byte address, or -1. */
export function findValidator(set: ValidatorSet, address: Uint8Array): number {
  return set.validators.findIndex((validator) => equalBytes(validator.address, address));
}

/** Order of a set: power descending, then address ascending (consensus: CometBFT, set order). */
export function compareValidators(a: Validator, b: Validator): number {
  if (a.votingPower !== b.votingPower) return a.votingPower > b.votingPower ? -1 : 1;
  return compareBytes(a.address, b.address);
}

/**
 * Checks what can be checked of a set without context.
 *
 * @throws VerificationError `malformed`
 */
export function checkValidatorSet(set: ValidatorSet): void {
  const { validators, proposer } = set;
  verifyThat(validators.length > 0, "malformed", "validator set is empty");
  validators.forEach(checkValidator);
  verifyThat(totalVotingPower(set) <= MAX_TOTAL_VOTING_POWER, "malformed", "total voting power is too large");
  verifyThat(proposer !== undefined, "malformed", "validator set names no proposer");
  verifyThat(findValidator(set, proposer.address) >= 0, "malformed", "proposer is not in the validator set");
}

function checkValidator(validator: Validator, index: number): void {
  verifyThat(validator.votingPower >= 0n, "malformed", `voting power of validator ${index} is negative`);
  const derived = consensusAddress(validator.publicKey);
  verifyThat(equalBytes(validator.address, derived), "malformed", `address of validator ${index} is not its key's`);
}
