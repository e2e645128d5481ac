import { equalBytes } from "#common/bytes.js";
import { checkHeader, type Header, headerHash } from "../block/header.js";
import { checkLightBlock, type CompleteLightBlock, type LightBlock } from "../block/light-block.js";
import { compareTimestamps, type Timestamp, timestampToNanos } from "../block/timestamp.js";
import type { ValidatorSet } from "../block/validator.js";
import { verifyThat } from "../block/verification-error.js";
import { ONE_THIRD, type TrustLevel, verifyCommitLight, verifyCommitTrusting } from "../block/verify-commit.js";

/** What a client already believes: a header, and the validators of its height or of the next one. */
export interface TrustedBlock {
  readonly header: Header;
  readonly validatorSet: ValidatorSet;
}

/** How far a client trusts; all durations in nanoseconds. */
export interface TrustOptions {
  /** How long validators can be punished for lying, hence how long a header may be built upon. */
  readonly trustingPeriod: bigint;
  /** How far a header's time may lie in the future of this machine's clock. */
  readonly maxClockDrift: bigint;
  /** The share of trusted power that must have signed when heights are skipped; 1/3 if absent. */
  readonly trustLevel?: TrustLevel;
}

/**
 * Verifies a light block against a trusted one of a lower height. The next height needs the validators that the
 * trusted header announced; any later one needs the signatures of a share of the trusted validators, and in both cases
 * two thirds of its own.
 *
 * A `trust` error while skipping means "not from here": take a height in between and try again.
 *
 * @param now this machine's time
 * @throws VerificationError
 */
export function verifyLightBlock(
  trusted: TrustedBlock,
  untrusted: LightBlock,
  now: Timestamp,
  options: TrustOptions,
): CompleteLightBlock {
  checkUnexpired(trusted.header, now, options);
  const block = checkLightBlock(trusted.header.chainId, untrusted);
  verifyCheckedBlock(trusted, block, now, options);
  return block;
}

/** Whether a header is too old to build upon. */
export function isExpired(header: Header, now: Timestamp, { trustingPeriod }: TrustOptions): boolean {
  return timestampToNanos(header.time) + trustingPeriod <= timestampToNanos(now);
}

function checkUnexpired(header: Header, now: Timestamp, options: TrustOptions): void {
  verifyThat(!isExpired(header, now, options), "expired", `trusted header ${header.height} is too old`);
}

/**
 * The same for a block that went through `checkLightBlock` for this chain already.
 *
 * @throws VerificationError
 */
export function verifyCheckedBlock(
  trusted: TrustedBlock,
  { header, commit, validatorSet }: CompleteLightBlock,
  now: Timestamp,
  options: TrustOptions,
): void {
  const { chainId } = trusted.header;
  checkUnexpired(trusted.header, now, options);
  verifyThat(header.height > trusted.header.height, "mismatch", "new header is not above the trusted one");
  verifyThat(
    compareTimestamps(header.time, trusted.header.time) > 0,
    "time",
    "new header is not later than the trusted one",
  );
  const latest = timestampToNanos(now) + options.maxClockDrift;
  verifyThat(timestampToNanos(header.time) < latest, "time", "new header lies in the future");
  if (header.height === trusted.header.height + 1n) {
    const announced = equalBytes(header.validatorsHash, trusted.header.nextValidatorsHash);
    verifyThat(announced, "mismatch", "validators are not those that the trusted header announced");
  } else {
    verifyCommitTrusting(chainId, trusted.validatorSet, commit, options.trustLevel ?? ONE_THIRD);
  }
  // Last, because the new set can be made large at will.
  verifyCommitLight(chainId, validatorSet, commit.blockId, header.height, commit);
}

/**
 * Verifies the header just below a trusted one by the hash that the trusted one carries.
 *
 * @throws VerificationError
 */
export function verifyPreviousHeader(trusted: Header, untrusted: Header): void {
  checkHeader(untrusted);
  verifyThat(untrusted.chainId === trusted.chainId, "mismatch", "header belongs to another chain");
  verifyThat(untrusted.height === trusted.height - 1n, "mismatch", "header is not just below the trusted one");
  verifyThat(compareTimestamps(untrusted.time, trusted.time) < 0, "time", "header is not earlier than the trusted one");
  const linked = equalBytes(headerHash(untrusted), trusted.lastBlockId.hash);
  verifyThat(linked, "mismatch", "header is not the one that the trusted header follows");
}
