import { type CodedError, defineErrors } from "#common/errors/index.js";
import type { ErrorBody } from "#runtime/rhp/messages/index.js";

/** Errors of the runtime client API; their codes travel over RPC. */
export const clientErrors = defineErrors("runtime/client", {
  notFound: [1, "client: not found"],
  internal: [2, "client: internal error"],
  transactionExpired: [3, "client: transaction expired"],
  notSynced: [4, "client: not finished initial sync"],
  checkTxFailed: [5, "client: transaction check failed"],
  noHostedRuntime: [6, "client: no hosted runtime is available"],
});

/** The error of a transaction that the runtime, or the queue behind its check, refused. */
export function checkFailure({ module, code, message }: ErrorBody): CodedError {
  return clientErrors.checkTxFailed(`runtime error: module: ${module} code: ${code} message: ${message}`);
}
