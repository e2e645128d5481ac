import { defineErrors } from "#common/errors/index.js";

/** Answers of the host itself (runtime host protocol: errors). */
export const internalErrors = defineErrors("rhp/internal", { notReady: [1, "rhp: not ready"] });

/** Answers of a runtime to requests that it does not carry out (runtime host protocol: errors). */
export const dispatcherErrors = defineErrors("rhp/dispatcher", {
  methodNotSupported: [1, "method not supported"],
  alreadyInitialized: [1, "already initialized"],
  incompatibleBackend: [1, "incompatible consensus backend"],
  invalidRuntimeId: [1, "invalid runtime id"],
  malformedRequest: [1, "malformed request"],
  hostInfoMissing: [1, "host environment information not configured"],
});

/** In place of an answer that is larger than a frame may be (runtime host protocol: errors). */
export const writeErrors = defineErrors("rhp/write", {
  tooLarge: [1, "Failed to write response: message too large"],
});

/** Why a call got no answer from the other side. */
export type CallProblem = "closed" | "deadline" | "busy" | "unexpected";

/** A call that the other side did not answer; an answer that is an error comes as CodedError instead. */
export class CallFailure extends Error {
  constructor(
    readonly problem: CallProblem,
    message: string,
  ) {
    super(message);
    this.name = "CallFailure";
  }
}
