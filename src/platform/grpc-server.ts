import { createServer, type Server as NetServer, type Socket } from "node:net";
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type StatusObject,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { fromUtf8, utf8 } from "#common/bytes.js";
import type { Log } from "#common/ports/log.js";
import { MAX_MESSAGE_SIZE, pump, RpcCode, type RpcHandler, type RpcStatus, statusOf } from "#common/rpc/index.js";
import { encodeStatusDetails, STATUS_DETAILS } from "#sdk/grpc-status.js";
import { type ListeningServer, OpenCalls, type ServerLimits } from "./rpc-calls.js";
import { listenUnix } from "./unix-socket.js";

/** Calls that one connection may have open. */
const MAX_STREAMS = 1024;

/**
 * Serves the methods of a handler over gRPC on a unix socket with mode 0600 (consensus core: gRPC).
 *
 * @throws InvalidInput when the path is too long or taken
 */
export async function listenGrpc(
  path: string,
  handler: RpcHandler,
  log: Log,
  limits: ServerLimits = {},
): Promise<ListeningServer> {
  const calls = new OpenCalls(log, limits);
  const server = new Server({
    "grpc.max_receive_message_length": MAX_MESSAGE_SIZE,
    "grpc.max_send_message_length": MAX_MESSAGE_SIZE,
    "grpc.max_concurrent_streams": MAX_STREAMS,
    "grpc.enable_channelz": 0,
  });
  const { definition, implementation } = serviceOf(handler, calls);
  server.addService(definition, implementation);
  // The connections come from our own listener, so that the socket never exists with a wider mode.
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", (error) => log.debug("gRPC connection failed", { error: error.message }));
    injector.injectConnection(socket);
  });
  await listenUnix(listener, path);
  return {
    async close() {
      calls.cancelAll();
      const closed = closeListener(listener);
      server.forceShutdown();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

type Definition = ServiceDefinition<UntypedServiceImplementation>;

function serviceOf(
  handler: RpcHandler,
  calls: OpenCalls,
): { definition: Definition; implementation: UntypedServiceImplementation } {
  const definition: Record<string, Definition[string]> = {};
  const implementation: UntypedServiceImplementation = {};
  for (const path of handler.paths()) {
    definition[path] = {
      path,
      requestStream: false,
      responseStream: handler.kindOf(path) === "stream",
      requestSerialize: toBuffer,
      requestDeserialize: toBytes,
      responseSerialize: toBuffer,
      responseDeserialize: toBytes,
    };
    implementation[path] =
      handler.kindOf(path) === "stream" ? streamCall(handler, path, calls) : unaryCall(handler, path, calls);
  }
  return { definition, implementation };
}

function unaryCall(handler: RpcHandler, path: string, calls: OpenCalls): handleUnaryCall<Uint8Array, Uint8Array> {
  return (call, respond) => {
    const cancellation = calls.begin();
    call.on("cancelled", () => cancellation.cancel());
    const answer = handler.handle(path, call.request, { cancellation: cancellation.token });
    if (answer.kind !== "unary") return;
    answer.result.then(
      (result) => {
        calls.end(cancellation);
        respond(null, result);
      },
      (error: unknown) => {
        calls.end(cancellation);
        calls.report(path, error);
        respond(grpcStatus(statusOf(error)));
      },
    );
  };
}

function streamCall(
  handler: RpcHandler,
  path: string,
  calls: OpenCalls,
): handleServerStreamingCall<Uint8Array, Uint8Array> {
  return (call) => {
    const cancellation = calls.begin();
    call.on("cancelled", () => cancellation.cancel());
    const answer = handler.handle(path, call.request, { cancellation: cancellation.token });
    if (answer.kind !== "stream") return;
    const sink = {
      send(item: Uint8Array, sent: () => void): void {
        call.write(item, sent);
      },
      stallTimer: (stalled: () => void) => calls.stallTimer(stalled),
    };
    void pump(answer.items, cancellation.token, sink).then(({ status, error }) => {
      calls.end(cancellation);
      calls.report(path, error);
      if (status.code === RpcCode.ok) call.end();
      else call.emit("error", grpcStatus(status));
    });
  };
}

function grpcStatus(status: RpcStatus): StatusObject {
  const metadata = new Metadata();
  const details = encodeStatusDetails(status);
  if (details !== undefined) metadata.set(STATUS_DETAILS, toBuffer(details));
  // grpc-js percent-encodes the text and would throw on half a surrogate pair.
  return { code: status.code, details: fromUtf8(utf8(status.message)), metadata };
}

function closeListener(listener: NetServer): Promise<void> {
  return new Promise((resolve) => {
    listener.close(() => resolve());
  });
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function toBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}
