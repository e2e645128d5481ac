import { DecodeError } from "#common/errors/index.js";
import { LightBlock } from "./light-block.js";
import { MAX_VOTES } from "./commit.js";
import { merkleRoot } from "./merkle.js";
import { embedded, int64, messages, optional } from "./proto/fields.js";
import { message, type ProtoType, protoType } from "./proto/message.js";
import { Timestamp, ZERO_TIME } from "./timestamp.js";
import { Validator } from "./validator.js";
import { Vote } from "./vote.js";

/** Two votes of one validator in the same round for different blocks. */
export interface DuplicateVoteEvidence {
  readonly voteA: Vote | undefined;
  readonly voteB: Vote | undefined;
  readonly totalVotingPower: bigint;
  readonly validatorPower: bigint;
  readonly timestamp: Timestamp;
}

/** A block that light clients were shown and that is not on the chain. */
export interface LightClientAttackEvidence {
  readonly conflictingBlock: LightBlock | undefined;
  readonly commonHeight: bigint;
  readonly byzantineValidators: readonly Validator[];
  readonly totalVotingPower: bigint;
  readonly timestamp: Timestamp;
}

/** Proof of misbehaviour of validators. */
export type Evidence =
  | { readonly type: "duplicateVote"; readonly value: DuplicateVoteEvidence }
  | { readonly type: "lightClientAttack"; readonly value: LightClientAttackEvidence };

/** Misbehaviour of one validator, as BeginBlock hands it to the application. */
export interface Misbehavior {
  readonly type: Evidence["type"];
  /** 20-byte consensus address. */
  readonly address: Uint8Array;
  readonly votingPower: bigint;
  readonly height: bigint;
  readonly time: Timestamp;
  readonly totalVotingPower: bigint;
}

const DuplicateVoteEvidence: ProtoType<DuplicateVoteEvidence> = message<DuplicateVoteEvidence>(
  "DuplicateVoteEvidence",
  {
    voteA: optional(1, Vote),
    voteB: optional(2, Vote),
    totalVotingPower: int64(3),
    validatorPower: int64(4),
    timestamp: embedded(5, Timestamp, () => ZERO_TIME),
  },
);

const LightClientAttackEvidence: ProtoType<LightClientAttackEvidence> = message<LightClientAttackEvidence>(
  "LightClientAttackEvidence",
  {
    conflictingBlock: optional(1, LightBlock),
    commonHeight: int64(2),
    byzantineValidators: messages(3, Validator, MAX_VOTES),
    totalVotingPower: int64(4),
    timestamp: embedded(5, Timestamp, () => ZERO_TIME),
  },
);

interface EvidenceArms {
  readonly duplicateVote: DuplicateVoteEvidence | undefined;
  readonly lightClientAttack: LightClientAttackEvidence | undefined;
}

const arms: ProtoType<EvidenceArms> = message<EvidenceArms>("Evidence", {
  duplicateVote: optional(1, DuplicateVoteEvidence),
  lightClientAttack: optional(2, LightClientAttackEvidence),
});

export const Evidence: ProtoType<Evidence> = protoType<Evidence>("Evidence", {
  zero: () => ({ type: "duplicateVote", value: DuplicateVoteEvidence.zero() }),
  write(writer, evidence) {
    arms.write(writer, {
      duplicateVote: evidence.type === "duplicateVote" ? evidence.value : undefined,
      lightClientAttack: evidence.type === "lightClientAttack" ? evidence.value : undefined,
    });
  },
  read(reader) {
    const { duplicateVote, lightClientAttack } = arms.read(reader);
    if (duplicateVote !== undefined && lightClientAttack === undefined) {
      return { type: "duplicateVote", value: duplicateVote };
    }
    if (lightClientAttack !== undefined && duplicateVote === undefined) {
      return { type: "lightClientAttack", value: lightClientAttack };
    }
    throw new DecodeError("evidence must have exactly one kind");
  },
});

/** Merkle root over the evidence of a block; leaves are the encoded kinds without the choice around them. */
export function evidenceHash(list: readonly Evidence[]): Uint8Array {
  return merkleRoot(
    list.map((evidence) =>
      evidence.type === "duplicateVote"
        ? DuplicateVoteEvidence.encode(evidence.value)
        : LightClientAttackEvidence.encode(evidence.value),
    ),
  );
}

/** What the application learns of a piece of evidence: one entry per validator. */
export function misbehaviorOf(evidence: Evidence): readonly Misbehavior[] {
  if (evidence.type === "duplicateVote") {
    const { voteA, validatorPower, totalVotingPower, timestamp } = evidence.value;
    if (voteA === undefined) return [];
    return [
      {
        type: evidence.type,
        address: voteA.validatorAddress,
        votingPower: validatorPower,
        height: voteA.height,
        time: timestamp,
        totalVotingPower,
      },
    ];
  }
  const { byzantineValidators, commonHeight, totalVotingPower, timestamp } = evidence.value;
  return byzantineValidators.map((validator) => ({
    type: evidence.type,
    address: validator.address,
    votingPower: validator.votingPower,
    height: commonHeight,
    time: timestamp,
    totalVotingPower,
  }));
}
