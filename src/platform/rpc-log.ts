import { CodedError, DecodeError } from "#common/errors/index.js";
import { RpcError } from "#common/rpc/index.js";

/** Whether an error of a call is news for the operator: neither an answer of the protocol nor the client's mistake. */
export function isSurprise(error: unknown): boolean {
  return !(error instanceof CodedError || error instanceof RpcError || error instanceof DecodeError);
}
