import { BlockId, CONSENSUS_ADDRESS_SIZE, isCompleteBlockId, isZeroBlockId } from "./block-id.js";
import { MAX_CHAIN_ID_SIZE } from "./header.js";
import { bytes, embedded, int32, int64, optional, sfixed64, text } from "./proto/fields.js";
import { message, type ProtoType } from "./proto/message.js";
import { ProtoWriter } from "./proto/writer.js";
import { Timestamp, ZERO_TIME } from "./timestamp.js";
import { verifyThat } from "./verification-error.js";

/** What a consensus key signs. */
export const SignedMessageType = { prevote: 1, precommit: 2, proposal: 32 } as const;

/** Size in bytes of a signature of a vote or proposal; longer ones are refused when decoding. */
export const MAX_SIGNATURE_SIZE = 64;

/** A vote of one validator in one round. The zero block id means "nil": no block in this round. */
export interface Vote {
  /** `SignedMessageType.prevote` or `.precommit`. */
  readonly type: number;
  readonly height: bigint;
  readonly round: number;
  readonly blockId: BlockId;
  readonly timestamp: Timestamp;
  readonly validatorAddress: Uint8Array;
  readonly validatorIndex: number;
  readonly signature: Uint8Array;
}

/** A proposed block of one round. */
export interface Proposal {
  /** `SignedMessageType.proposal`. */
  readonly type: number;
  readonly height: bigint;
  readonly round: number;
  /** Round of the proof of lock, -1 for none. */
  readonly polRound: number;
  readonly blockId: BlockId;
  readonly timestamp: Timestamp;
  readonly signature: Uint8Array;
}

export const Vote: ProtoType<Vote> = message<Vote>("Vote", {
  type: int32(1),
  height: int64(2),
  round: int32(3),
  blockId: embedded(4, BlockId),
  timestamp: embedded(5, Timestamp, () => ZERO_TIME),
  validatorAddress: bytes(6, CONSENSUS_ADDRESS_SIZE),
  validatorIndex: int32(7),
  signature: bytes(8, MAX_SIGNATURE_SIZE),
});

export const Proposal: ProtoType<Proposal> = message<Proposal>("Proposal", {
  type: int32(1),
  height: int64(2),
  round: int32(3),
  polRound: int32(4),
  blockId: embedded(5, BlockId),
  timestamp: embedded(6, Timestamp, () => ZERO_TIME),
  signature: bytes(7, MAX_SIGNATURE_SIZE),
});

interface CanonicalVote {
  readonly type: number;
  readonly height: bigint;
  readonly round: bigint;
  readonly blockId: BlockId | undefined;
  readonly timestamp: Timestamp;
  readonly chainId: string;
}

interface CanonicalProposal {
  readonly type: number;
  readonly height: bigint;
  readonly round: bigint;
  readonly polRound: bigint;
  readonly blockId: BlockId | undefined;
  readonly timestamp: Timestamp;
  readonly chainId: string;
}

const CanonicalVote: ProtoType<CanonicalVote> = message<CanonicalVote>("CanonicalVote", {
  type: int32(1),
  height: sfixed64(2),
  round: sfixed64(3),
  blockId: optional(4, BlockId),
  timestamp: embedded(5, Timestamp),
  chainId: text(6, MAX_CHAIN_ID_SIZE),
});

const CanonicalProposal: ProtoType<CanonicalProposal> = message<CanonicalProposal>("CanonicalProposal", {
  type: int32(1),
  height: sfixed64(2),
  round: sfixed64(3),
  polRound: int64(4),
  blockId: optional(5, BlockId),
  timestamp: embedded(6, Timestamp),
  chainId: text(7, MAX_CHAIN_ID_SIZE),
});

/** The bytes that a validator signs (after the signature context): the canonical vote behind its length. */
export function voteSignBytes(
  chainId: string,
  vote: Pick<Vote, "type" | "height" | "round" | "blockId" | "timestamp">,
): Uint8Array {
  const { type, height, round, blockId, timestamp } = vote;
  return delimited(
    CanonicalVote.encode({ type, height, round: BigInt(round), blockId: orNil(blockId), timestamp, chainId }),
  );
}

/** The bytes that a proposer signs, in the same manner. */
export function proposalSignBytes(chainId: string, proposal: Omit<Proposal, "type" | "signature">): Uint8Array {
  const { height, round, polRound, blockId, timestamp } = proposal;
  return delimited(
    CanonicalProposal.encode({
      type: SignedMessageType.proposal,
      height,
      round: BigInt(round),
      polRound: BigInt(polRound),
      blockId: orNil(blockId),
      timestamp,
      chainId,
    }),
  );
}

/**
 * Checks what can be checked of a vote without context.
 *
 * @throws VerificationError `malformed`
 */
export function checkVote(vote: Vote): void {
  const { prevote, precommit } = SignedMessageType;
  verifyThat(vote.type === prevote || vote.type === precommit, "malformed", `unknown vote type ${vote.type}`);
  verifyThat(vote.height > 0n, "malformed", "vote height is not positive");
  verifyThat(vote.round >= 0, "malformed", "vote round is negative");
  const whole = isZeroBlockId(vote.blockId) || isCompleteBlockId(vote.blockId);
  verifyThat(whole, "malformed", "block id of a vote is neither empty nor complete");
  verifyThat(vote.validatorAddress.length === CONSENSUS_ADDRESS_SIZE, "malformed", "voter address is not 20 bytes");
  verifyThat(vote.validatorIndex >= 0, "malformed", "validator index is negative");
  verifyThat(vote.signature.length > 0, "malformed", "signature of a vote is missing");
}

function orNil(blockId: BlockId): BlockId | undefined {
  return isZeroBlockId(blockId) ? undefined : blockId;
}

function delimited(encoded: Uint8Array): Uint8Array {
  const writer = new ProtoWriter();
  writer.bytes(encoded);
  return writer.finish();
}
