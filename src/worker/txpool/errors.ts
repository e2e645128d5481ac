import { defineErrors } from "#common/errors/index.js";

/** Why the pool does not take a transaction. Code 1 with another text is an answer of the queue of checked ones. */
export const txPoolErrors = defineErrors("txpool", {
  notQueued: [1, "transaction not queued"],
  full: [2, "transaction pool is full"],
  tooLarge: [3, "transaction is too large"],
  duplicate: [4, "duplicate transaction"],
  empty: [5, "transaction is empty"],
  closed: [6, "transaction pool is closed"],
});
