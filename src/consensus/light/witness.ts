/** Comparing a verified block with what witnesses see, and making evidence of a difference. */
import { equalBytes } from "#common/bytes.js";
import type { Clock } from "#common/ports/clock.js";
import { headerHash } from "../block/header.js";
import type { LightClientAttackEvidence } from "../block/evidence.js";
import type { CompleteLightBlock } from "../block/light-block.js";
import { compareTimestamps, type Timestamp } from "../block/timestamp.js";
import { VerificationError } from "../block/verification-error.js";
import { attackEvidence } from "./attack.js";
import { ProviderError } from "./errors.js";
import type { LightProvider } from "./provider.js";
import type { Providers } from "./providers.js";
import { BrokenTrace, verifyTrace } from "./skip.js";
import type { TrustOptions } from "./verify.js";

/** What a witness says about a block: the same, another block, nothing, or rubbish. */
export type Comparison =
  | { readonly kind: "same" | "silent" | "bad" }
  | { readonly kind: "other"; readonly block: CompleteLightBlock };

const SAME: Comparison = { kind: "same" };
const SILENT: Comparison = { kind: "silent" };

export function sameHeader(a: CompleteLightBlock, b: CompleteLightBlock): boolean {
  return equalBytes(headerHash(a.header), headerHash(b.header));
}

/**
 * Asks a witness for the block of a height. One that is not there yet gets time to catch up; if its clock of blocks
 * runs past ours meanwhile without a block of that height, its latest block contradicts ours.
 *
 * @param patienceMs how long a witness may lag
 */
export async function compareWithWitness(
  providers: Providers,
  witness: LightProvider,
  block: CompleteLightBlock,
  clock: Clock,
  patienceMs: number,
): Promise<Comparison> {
  const { height, time } = block.header;
  try {
    for (const last of [false, true]) {
      const found = await targetOrLatest(providers, witness, height);
      if (found.header.height === height) return sameHeader(found, block) ? SAME : { kind: "other", block: found };
      if (compareTimestamps(found.header.time, time) >= 0) return { kind: "other", block: found };
      if (!last) await new Promise<void>((resolve) => clock.setTimer(patienceMs, resolve));
    }
    return SILENT;
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    return error.problem === "bad-block" ? { kind: "bad" } : SILENT;
  }
}

async function targetOrLatest(
  providers: Providers,
  witness: LightProvider,
  height: bigint,
): Promise<CompleteLightBlock> {
  try {
    return await providers.fetch(witness, height);
  } catch (error) {
    if (!(error instanceof ProviderError) || error.problem !== "too-high") throw error;
  }
  const latest = await providers.fetch(witness, 0n);
  return latest.header.height > height ? await providers.fetch(witness, height) : latest;
}

/** Where two chains of verified blocks part. */
export interface Divergence {
  /** What leads from the last common block to the other side's first block of its own. */
  readonly trace: readonly CompleteLightBlock[];
  /** This side's block that the other side contradicts. */
  readonly block: CompleteLightBlock;
}

/**
 * Follows a trace on another provider's side until its blocks differ, verifying that side's blocks just the same.
 *
 * @param target the other side's block that contradicts the trace
 * @returns undefined when the other side's blocks do not verify from the common one: then it proves nothing
 */
export async function findDivergence(
  providers: Providers,
  trace: readonly CompleteLightBlock[],
  target: CompleteLightBlock,
  source: LightProvider,
  now: Timestamp,
  options: TrustOptions,
): Promise<Divergence | undefined> {
  const fetch = (height: bigint): Promise<CompleteLightBlock> => providers.fetch(source, height);
  const [root, ...rest] = trace;
  try {
    if (root === undefined || target.header.height < root.header.height) return undefined;
    const common = target.header.height === root.header.height ? target : await fetch(root.header.height);
    if (!sameHeader(common, root)) return undefined;
    let foothold = root;
    for (const block of rest) {
      // A block above the other side's latest, though not later: that side's latest block is its last word.
      const beyond = block.header.height > target.header.height;
      if (beyond && compareTimestamps(block.header.time, target.header.time) > 0) return undefined;
      const own = beyond || block.header.height === target.header.height;
      const theirs = own ? target : await fetch(block.header.height);
      const between =
        theirs.header.height === foothold.header.height
          ? [foothold]
          : await verifyTrace(foothold, theirs, fetch, "skipping", now, options);
      if (beyond || !sameHeader(theirs, block)) return { trace: between, block };
      foothold = theirs;
    }
    return undefined;
  } catch (error) {
    const refuted =
      error instanceof ProviderError || error instanceof BrokenTrace || error instanceof VerificationError;
    if (refuted) return undefined;
    throw error;
  }
}

/** The evidence that follows from a divergence, against those who signed this side's block. */
export function evidenceOf({ trace, block }: Divergence): LightClientAttackEvidence {
  const [common, last] = [trace[0], trace.at(-1)];
  return attackEvidence(block, last ?? block, common ?? block);
}
