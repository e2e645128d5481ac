import { CodedError, defineErrors } from "#common/errors/index.js";

/** What keeps a runtime from believing its host (runtime host protocol: errors, consensus trust). */
export const verifierErrors = defineErrors("verifier", {
  builder: [1, "builder"],
  verificationFailed: [2, "verification"],
  freshnessVerificationFailed: [5, "freshness verification"],
  transactionVerificationFailed: [6, "transaction verification"],
  stateRoot: [7, "state root"],
});

/** A request that a runtime cannot carry out (runtime host protocol: errors). */
export function dispatcherError(message: string): CodedError {
  return new CodedError("dispatcher", 1, message);
}
