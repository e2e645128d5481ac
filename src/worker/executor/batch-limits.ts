import { equalBytes, toHex } from "#common/bytes.js";
import type { Runtime } from "#consensus/services/registry/types/runtime.js";
import type { Proposal } from "#consensus/services/roothash/types.js";

/**
 * What a member makes of a proposal: it says of an excessive one that it failed, whatever that builds on, and ignores one
 * that builds on another block (node workers: executor).
 */
export function verdictOn(
  { header, batch }: Proposal,
  known: readonly (Uint8Array | undefined)[],
  { descriptor, previousHash }: { readonly descriptor: Runtime; readonly previousHash: Uint8Array },
): "excessive" | "elsewhere" | "good" {
  if (isExcessive(descriptor, batch, known)) return "excessive";
  return equalBytes(header.previousHash, previousHash) ? "good" : "elsewhere";
}

/**
 * Whether a scheduler has broken a limit of the runtime, as far as its transactions are known.
 *
 * @param batch hashes of the proposed transactions
 * @param known those of the transactions that are here
 */
function isExcessive(
  { txnScheduler }: Runtime,
  batch: readonly Uint8Array[],
  known: readonly (Uint8Array | undefined)[],
): boolean {
  const { maxBatchSize, maxBatchSizeBytes } = txnScheduler;
  const size = known.reduce((sum, raw) => sum + BigInt(raw?.length ?? 0), 0n);
  const distinct = new Set(batch.map(toHex)).size;
  const tooLarge = maxBatchSizeBytes > 0n && size > maxBatchSizeBytes;
  return BigInt(batch.length) > maxBatchSize || tooLarge || distinct < batch.length;
}
