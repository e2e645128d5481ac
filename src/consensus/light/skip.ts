import type { CompleteLightBlock } from "../block/light-block.js";
import type { Timestamp } from "../block/timestamp.js";
import { VerificationError } from "../block/verification-error.js";
import { type TrustOptions, verifyCheckedBlock } from "./verify.js";

/** Fetches the block of a height from whoever has sent the target. */
export type FetchBlock = (height: bigint) => Promise<CompleteLightBlock>;

/** How far a verification goes at once: from block to block, or as far as the trusted validators reach. */
export type Stride = "sequential" | "skipping";

/** A block on the way to a target does not hold up. */
export class BrokenTrace extends Error {
  override readonly name = "BrokenTrace";
  override readonly cause: VerificationError;
  /** The height of the block. */
  readonly height: bigint;

  constructor(height: bigint, cause: VerificationError) {
    super(`light block ${height} does not verify: ${cause.message}`, { cause });
    this.height = height;
    this.cause = cause;
  }
}

/**
 * Verifies a block at any distance above a trusted one. Skipping: where too few of the trusted validators signed, a
 * block in the middle is verified first, and so on; blocks once fetched are tried again from each new foothold.
 *
 * @returns the blocks that lead there: the trusted one, those in between that were needed, the target
 * @throws BrokenTrace, ProviderError
 */
export async function verifyTrace(
  trusted: CompleteLightBlock,
  target: CompleteLightBlock,
  fetch: FetchBlock,
  stride: Stride,
  now: Timestamp,
  options: TrustOptions,
): Promise<CompleteLightBlock[]> {
  const trace = [trusted];
  // The target at the bottom; above it blocks of falling height.
  const ahead = [target];
  let foothold = trusted;
  let depth = 0;
  for (let next = ahead[depth]; next !== undefined; next = ahead[depth]) {
    const distance = next.header.height - foothold.header.height;
    const reached = (stride === "skipping" || distance <= 1n) && reaches(foothold, next, now, options);
    if (reached) {
      trace.push(next);
      foothold = next;
      ahead.length = depth;
      depth = 0;
      continue;
    }
    depth++;
    if (depth < ahead.length) continue;
    const step = stride === "skipping" ? distance / 2n : 1n;
    ahead.push(await fetch(foothold.header.height + step));
  }
  return trace;
}

/** Whether the next block verifies from here; false when only the distance is too large. @throws BrokenTrace */
function reaches(
  foothold: CompleteLightBlock,
  next: CompleteLightBlock,
  now: Timestamp,
  options: TrustOptions,
): boolean {
  try {
    verifyCheckedBlock(foothold, next, now, options);
    return true;
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error;
    if (error.reason === "trust") return false;
    throw new BrokenTrace(next.header.height, error);
  }
}
