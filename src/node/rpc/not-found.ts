import { CodedError } from "#common/errors/index.js";
import { RpcCode, RpcError } from "#common/rpc/index.js";
import { rootHashErrors } from "#consensus/services/roothash/errors.js";
import { clientErrors } from "#worker/client/errors.js";

/**
 * Answers with the status `not found` where a block or an item does not exist: some clients cannot read the details of
 * a status (runtime layer: gRPC). Any other error stays what it is.
 */
export async function tellingNotFound<T>(answer: () => T | Promise<T>): Promise<T> {
  try {
    return await answer();
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    if (!rootHashErrors.notFound.is(error) && !clientErrors.notFound.is(error)) throw error;
    const { module, code, message } = error;
    throw new RpcError(RpcCode.notFound, message, { module, code });
  }
}
