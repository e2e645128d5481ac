import { defineErrors } from "#common/errors/index.js";

/** Errors of storage that travel between nodes (storage committees: write path). */
export const storageErrors = defineErrors("storage", {
  expectedRootMismatch: [3, "storage: expected root mismatch"],
  limitReached: [5, "storage: limit reached"],
});

/** Why a storage node gives no receipt, where the protocol has no number for it. */
export const receiptErrors = defineErrors("worker/storage/receipts", {
  notAuthorized: [1, "storage: not authorized"],
  wrongRound: [2, "storage: not the round under way"],
  notSynced: [3, "storage: the round before is not here yet"],
  malformed: [4, "storage: malformed request"],
});
