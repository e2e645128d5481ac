import { type CallOptions as GrpcCallOptions, Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { DecodeError } from "#common/errors/index.js";
import { type CallOptions, type Channel, errorOf, MAX_MESSAGE_SIZE, RpcCode, RpcError } from "#common/rpc/index.js";
import { decodeStatusDetails, STATUS_DETAILS } from "#sdk/grpc-status.js";

/** A channel that can be closed. */
export interface GrpcChannel extends Channel {
  close(): void;
}

/** Opens a channel to the unix socket of a node; the connection itself is made by the first call. */
export function connectGrpc(path: string): GrpcChannel {
  const client = new Client(`unix:${path}`, credentials.createInsecure(), {
    "grpc.max_receive_message_length": MAX_MESSAGE_SIZE,
    "grpc.max_send_message_length": MAX_MESSAGE_SIZE,
    "grpc.enable_channelz": 0,
  });
  return {
    unary: (method, request, options) => callUnary(client, method, request, options),
    stream: (method, request, options) => callStream(client, method, request, options),
    close: () => client.close(),
  };
}

function callUnary(client: Client, path: string, request: Uint8Array, options: CallOptions): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const call = client.makeUnaryRequest(
      path,
      toBuffer,
      toBytes,
      request,
      new Metadata(),
      deadline(options),
      (error, answer) => {
        forget?.();
        if (error !== null) reject(thrown(error));
        else if (answer === undefined) reject(new RpcError(RpcCode.internal, "the server sent no answer"));
        else resolve(answer);
      },
    );
    const forget = options.cancellation?.onCancel(() => call.cancel());
  });
}

async function* callStream(
  client: Client,
  path: string,
  request: Uint8Array,
  options: CallOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const call = client.makeServerStreamRequest(path, toBuffer, toBytes, request, new Metadata(), deadline(options));
  const forget = options.cancellation?.onCancel(() => call.cancel());
  try {
    for await (const item of call) yield item as Uint8Array;
  } catch (error) {
    throw thrown(error);
  } finally {
    forget?.();
    call.cancel();
  }
}

function deadline({ timeoutMs }: CallOptions): GrpcCallOptions {
  return timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && "metadata" in error;
}

function thrown(error: unknown): unknown {
  if (!isServiceError(error)) return error;
  const [details] = error.metadata.get(STATUS_DETAILS);
  try {
    return errorOf(decodeStatusDetails(error.code, error.details, typeof details === "string" ? undefined : details));
  } catch (failure) {
    // Details that nobody can read must not hide the status itself.
    if (!(failure instanceof DecodeError)) throw failure;
    return new RpcError(error.code, error.details);
  }
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function toBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}
