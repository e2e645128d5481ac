import { defineErrors } from "#common/errors/index.js";

/** Errors of the runtime client API; their codes travel over RPC. */
export const clientErrors = defineErrors("runtime/client", {
  notFound: [1, "client: not found"],
  internal: [2, "client: internal error"],
  transactionExpired: [3, "client: transaction expired"],
  notSynced: [4, "client: not finished initial sync"],
  checkTxFailed: [5, "client: transaction check failed"],
  noHostedRuntime: [6, "client: no hosted runtime is available"],
});
