import { CodedError, defineErrors, unknown, UNKNOWN_MODULE } from "#common/errors/index.js";

/** Code 1 is the queue of checked transactions, with a text of its own for each reason. */
const MODULE = "txpool";
const NOT_QUEUED = 1;

/** Why the pool does not take a transaction: limits that the reference does not have. */
export const txPoolErrors = defineErrors(MODULE, {
  full: [2, "transaction pool is full"],
  tooLarge: [3, "transaction is too large"],
  empty: [5, "transaction is empty"],
  closed: [6, "transaction pool is closed"],
});

/** A transaction that was seen already. As in the reference the answer has a text but no code of its own. */
export class DuplicateTransaction extends CodedError {
  constructor() {
    super(UNKNOWN_MODULE, 1, "duplicate transaction");
  }
}

/** Too many transactions wait to be checked. As in the reference the answer has a text but no code of its own. */
export function checkQueueFull(): CodedError {
  return unknown("check queue is full");
}

/** A transaction was found valid but not queued; the text alone says why, as in the reference. */
export function notQueued(reason: string): CodedError {
  return new CodedError(MODULE, NOT_QUEUED, reason);
}
