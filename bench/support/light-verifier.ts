import { assert } from "#common/assert.js";
import { BlockIdFlag, commitVote } from "#consensus/block/commit.js";
import { checkLightBlock, LightBlock } from "#consensus/block/light-block.js";
import { verifyVote } from "#consensus/block/signing.js";
import { timestampFromNanos, timestampToNanos } from "#consensus/block/timestamp.js";
import { verifyCommit } from "#consensus/block/verify-commit.js";
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
  /** Checks each signature by itself and nothing else. */
  singly(): void;
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
    singly() {
      commit.signatures.forEach((slot, i) => {
        if (slot.blockIdFlag === BlockIdFlag.absent) return;
        const valid = verifyVote(
          chainId,
          validatorSet.validators[i]?.publicKey ?? slot.signature,
          commitVote(commit, i),
        );
        assert(valid, "a recorded signature is valid");
      });
    },
  };
}
