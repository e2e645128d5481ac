import { assert } from "#common/assert.js";
import { BlockId, CONSENSUS_ADDRESS_SIZE, isZeroBlockId, ZERO_BLOCK_ID } from "./block-id.js";
import { merkleRoot } from "./merkle.js";
import { bytes, embedded, int32, int64, messages } from "./proto/fields.js";
import { message, type ProtoType } from "./proto/message.js";
import { compareTimestamps, Timestamp, ZERO_TIME } from "./timestamp.js";
import { verifyThat } from "./verification-error.js";
import { MAX_SIGNATURE_SIZE, SignedMessageType, type Vote } from "./vote.js";

/** What a validator's slot in a commit says. Votes for nil count as signed, but not towards the two thirds. */
export const BlockIdFlag = { absent: 1, commit: 2, nil: 3 } as const;

/** Most votes that one commit (and most validators that one set) may have. */
export const MAX_VOTES = 10_000;

/** The precommit of the validator at the same position of the set. */
export interface CommitSig {
  readonly blockIdFlag: number;
  /** 20 bytes, empty if absent. */
  readonly validatorAddress: Uint8Array;
  /** Each voter's own time; Go's zero time if absent. */
  readonly timestamp: Timestamp;
  readonly signature: Uint8Array;
}

/** The precommits that made a block final. */
export interface Commit {
  readonly height: bigint;
  readonly round: number;
  readonly blockId: BlockId;
  readonly signatures: readonly CommitSig[];
}

export const CommitSig: ProtoType<CommitSig> = message<CommitSig>("CommitSig", {
  blockIdFlag: int32(1),
  validatorAddress: bytes(2, CONSENSUS_ADDRESS_SIZE),
  timestamp: embedded(3, Timestamp, () => ZERO_TIME),
  signature: bytes(4, MAX_SIGNATURE_SIZE),
});

export const Commit: ProtoType<Commit> = message<Commit>("Commit", {
  height: int64(1),
  round: int32(2),
  blockId: embedded(3, BlockId),
  signatures: messages(4, CommitSig, MAX_VOTES),
});

/** The slot of a validator whose precommit did not arrive. */
export const ABSENT_SIG: CommitSig = {
  blockIdFlag: BlockIdFlag.absent,
  validatorAddress: new Uint8Array(0),
  timestamp: ZERO_TIME,
  signature: new Uint8Array(0),
};

/** What the first block carries in place of a last commit. */
export const EMPTY_COMMIT: Commit = { height: 0n, round: 0, blockId: ZERO_BLOCK_ID, signatures: [] };

/** Merkle root over the slots; height, round and block id are not part of it. */
export function commitHash(commit: Commit): Uint8Array {
  return merkleRoot(commit.signatures.map((signature) => CommitSig.encode(signature)));
}

/** The precommit that the slot at `index` stands for. */
export function commitVote(commit: Commit, index: number): Vote {
  const slot = commit.signatures[index];
  assert(slot !== undefined, "index of a commit signature out of range");
  return {
    type: SignedMessageType.precommit,
    height: commit.height,
    round: commit.round,
    blockId: slot.blockIdFlag === BlockIdFlag.commit ? commit.blockId : ZERO_BLOCK_ID,
    timestamp: slot.timestamp,
    validatorAddress: slot.validatorAddress,
    validatorIndex: index,
    signature: slot.signature,
  };
}

/**
 * Checks what can be checked of a commit without context; signatures are not verified.
 *
 * @throws VerificationError `malformed`
 */
export function checkCommit(commit: Commit): void {
  verifyThat(commit.height >= 0n, "malformed", "commit height is negative");
  verifyThat(commit.round >= 0, "malformed", "commit round is negative");
  if (commit.height === 0n) return;
  verifyThat(!isZeroBlockId(commit.blockId), "malformed", "commit is for no block");
  verifyThat(commit.signatures.length > 0, "malformed", "commit has no signatures");
  commit.signatures.forEach(checkCommitSig);
}

function checkCommitSig(slot: CommitSig, index: number): void {
  const { blockIdFlag, validatorAddress, timestamp, signature } = slot;
  if (blockIdFlag === BlockIdFlag.absent) {
    const empty =
      validatorAddress.length === 0 && signature.length === 0 && compareTimestamps(timestamp, ZERO_TIME) === 0;
    verifyThat(empty, "malformed", `absent commit signature ${index} is not empty`);
    return;
  }
  const known = blockIdFlag === BlockIdFlag.commit || blockIdFlag === BlockIdFlag.nil;
  verifyThat(known, "malformed", `commit signature ${index} has unknown flag ${blockIdFlag}`);
  const addressed = validatorAddress.length === CONSENSUS_ADDRESS_SIZE;
  verifyThat(addressed, "malformed", `commit signature ${index}: address is not 20 bytes`);
  verifyThat(signature.length > 0, "malformed", `commit signature ${index} is missing`);
}
