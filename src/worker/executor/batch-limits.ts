import { toHex } from "#common/bytes.js";
import type { Runtime } from "#consensus/services/registry/types/runtime.js";

/**
 * Whether a scheduler has broken a limit of the runtime, as far as its transactions are known.
 *
 * @param batch hashes of the proposed transactions
 * @param known those of the transactions that are here
 */
export function isExcessive(
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
