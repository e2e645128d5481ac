import { SubscriberTooSlow } from "../event-hub.js";
import { CodedError, DecodeError, defineErrors, UNKNOWN_MODULE } from "../errors/index.js";

/** Status codes of gRPC that occur here. */
export const RpcCode = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  deadlineExceeded: 4,
  notFound: 5,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

/** Largest request and response in bytes, as in the reference. */
export const MAX_MESSAGE_SIZE = 104_857_600;

/** Errors of calls themselves, as opposed to those of the services behind them. */
export const rpcErrors = defineErrors("rpc", {
  slowReader: [1, "rpc: the client reads too slowly, the stream was dropped"],
  responseTooLarge: [2, "rpc: the response is too large"],
});

/** How a call ended, in the terms of gRPC. */
export interface RpcStatus {
  readonly code: number;
  readonly message: string;
  /** Present for coded errors; travels beside the status. */
  readonly coded?: { readonly module: string; readonly code: number };
}

/** A call that failed with a status of its own. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  /** One of `RpcCode`, or another gRPC status code. */
  readonly code: number;
  /** The coded error that it stands for, if it does. */
  readonly coded: RpcStatus["coded"];

  constructor(code: number, message: string, coded?: RpcStatus["coded"]) {
    super(message);
    this.code = code;
    this.coded = coded;
  }
}

/**
 * The status that tells the other side of an error. Errors without a code travel as status `unknown` with their text,
 * as in the reference (consensus core: gRPC).
 */
export function statusOf(error: unknown): RpcStatus {
  if (error instanceof SubscriberTooSlow) return statusOf(rpcErrors.slowReader());
  if (error instanceof CodedError) {
    const { module, code, message } = error;
    const status = rpcErrors.slowReader.is(error) || rpcErrors.responseTooLarge.is(error);
    const grpc = status ? RpcCode.resourceExhausted : RpcCode.unknown;
    return module === UNKNOWN_MODULE ? { code: grpc, message } : { code: grpc, message, coded: { module, code } };
  }
  if (error instanceof RpcError) {
    const { code, message, coded } = error;
    return coded === undefined ? { code, message } : { code, message, coded };
  }
  if (error instanceof DecodeError) return { code: RpcCode.internal, message: `malformed request: ${error.message}` };
  return { code: RpcCode.unknown, message: error instanceof Error ? error.message : "unknown error" };
}

/** The error that a client throws for a status it received. */
export function errorOf(status: RpcStatus): CodedError | RpcError {
  const { code, message, coded } = status;
  return coded === undefined ? new RpcError(code, message) : new CodedError(coded.module, coded.code, message);
}
