import { prepareMessage } from "#common/crypto/context.js";
import type { Ed25519Claim } from "#common/crypto/kernels.js";
import { BlockIdFlag, commitVote } from "#consensus/block/commit.js";
import { checkLightBlock, LightBlock } from "#consensus/block/light-block.js";
import { CONSENSUS_SIGNATURE_CONTEXT } from "#consensus/block/signing.js";
import { timestampFromNanos, timestampToNanos } from "#consensus/block/timestamp.js";
import { verifyCommit } from "#consensus/block/verify-commit.js";
import { voteSignBytes } from "#consensus/block/vote.js";
import { verifyLightBlock } from "#consensus/light/verify.js";

const HOUR = 3_600_000_000_000n;

/** The parts of a light client's work, each to be run again and again. */
export interface Work {
  /** Decodes and verifies a light block with every signature of its commit. */
  everySignature(): void;
  /** Decodes and verifies the next light block from it, as a light client does: until two thirds have signed. */
  enoughSignatures(): void;
  /** Decodes a light block and checks its form and hashes, no signature. */
  form(): void;
  /** The signatures of the first block with keys and digests, for whoever checks them in another way. */
  readonly claims: readonly Ed25519Claim[];
}

/** @param first a light block; @param next the one after it, both in the engine's encoding */
export function prepare(first: Uint8Array, next: Uint8Array): Work {
  const chainId = LightBlock.decode(first).signedHeader?.header?.chainId ?? "";
  const trusted = checkLightBlock(chainId, LightBlock.decode(first));
  const now = timestampFromNanos(timestampToNanos(trusted.header.time) + HOUR);
  const options = { trustingPeriod: 24n * HOUR, maxClockDrift: 0n };
  const { commit, validatorSet } = trusted;
  return {
    everySignature() {
      const block = checkLightBlock(chainId, LightBlock.decode(first));
      verifyCommit(chainId, block.validatorSet, block.commit.blockId, block.header.height, block.commit);
    },
    enoughSignatures() {
      verifyLightBlock(trusted, LightBlock.decode(next), now, options);
    },
    form() {
      checkLightBlock(chainId, LightBlock.decode(first));
    },
    claims: commit.signatures.flatMap(({ blockIdFlag, signature }, i) => {
      const publicKey = validatorSet.validators[i]?.publicKey;
      if (blockIdFlag === BlockIdFlag.absent || publicKey === undefined) return [];
      const message = prepareMessage(CONSENSUS_SIGNATURE_CONTEXT, voteSignBytes(chainId, commitVote(commit, i)));
      return [{ publicKey, message, signature }];
    }),
  };
}
