import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Cancellation } from "#common/cancellation.js";
import { InvalidInput } from "#common/errors/index.js";
import type { Log } from "#common/ports/log.js";
import { pump, RpcCode, RpcError, type RpcHandler, type RpcStatus, statusOf } from "#common/rpc/index.js";
import { inForm, maxBodySize, messageFrame, requestMessage, trailersFrame, type WebForm } from "./grpc-web-frames.js";
import { type ListeningServer, OpenCalls, type ServerLimits } from "./rpc-calls.js";

/** Where and for whom to listen. */
export interface GrpcWebOptions extends ServerLimits {
  /** 0 lets the system choose. */
  readonly port: number;
  /** 127.0.0.1 if absent: calls are not authenticated. */
  readonly host?: string;
  /**
   * Origins whose web pages may call, as "https://wallet.example"; "*" admits every page. If absent, pages served from
   * this machine may.
   */
  readonly allowedOrigins?: readonly string[];
}

/** A listening gRPC-web server. */
export interface GrpcWebServer extends ListeningServer {
  readonly port: number;
}

const DEFAULT_HOST = "127.0.0.1";
const LOCAL_ORIGIN = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;
const ALLOWED_HEADERS = "content-type,x-grpc-web,x-user-agent,grpc-timeout";
const EXPOSED_HEADERS = "grpc-status,grpc-message,grpc-status-details-bin";
const MAX_CONNECTIONS = 1024;
/** Bytes of request bodies that are held at one time, over all connections. */
const MAX_PENDING_BODIES = 536_870_912;

interface Context {
  readonly handler: RpcHandler;
  readonly calls: OpenCalls;
  readonly isAllowed: (origin: string) => boolean;
  pendingBodies: number;
}

/**
 * Serves the methods of a handler over gRPC-web, binary and text, on HTTP/1.1.
 *
 * @throws InvalidInput when the port is taken or must not be used
 */
export async function listenGrpcWeb(options: GrpcWebOptions, handler: RpcHandler, log: Log): Promise<GrpcWebServer> {
  const { port, host = DEFAULT_HOST, allowedOrigins } = options;
  const context: Context = {
    handler,
    calls: new OpenCalls(log, options),
    isAllowed: (origin) =>
      allowedOrigins === undefined
        ? LOCAL_ORIGIN.test(origin)
        : allowedOrigins.includes("*") || allowedOrigins.includes(origin),
    pendingBodies: 0,
  };
  const server = createServer((request, response) => {
    response.on("error", (error) => log.debug("gRPC-web connection failed", { error: error.message }));
    answer(context, request, response).catch((error: unknown) => {
      log.error("gRPC-web call failed", { error: String(error) });
      response.destroy();
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, port, host);
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    async close() {
      context.calls.cancelAll();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const reasons: Readonly<Record<string, string>> = {
        EADDRINUSE: "is already in use",
        EACCES: "may not be used by this user",
        EADDRNOTAVAIL: "does not belong to this machine",
      };
      const reason = reasons[error.code ?? ""] ?? `cannot be used: ${error.message}`;
      reject(new InvalidInput("port", `${port} on ${host} ${reason}`));
    });
    server.listen(port, host, () => {
      server.removeAllListeners("error");
      resolve();
    });
  });
}

async function answer(context: Context, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { origin } = request.headers;
  if (origin !== undefined) {
    if (!context.isAllowed(origin)) return refuse(response, 403, "this origin may not call");
    response.setHeader("access-control-allow-origin", origin);
    response.setHeader("access-control-expose-headers", EXPOSED_HEADERS);
    response.setHeader("vary", "origin");
  }
  if (request.method === "OPTIONS") return preflight(response);
  if (request.method !== "POST") return refuse(response, 405, "gRPC-web calls are POST requests");
  const form = formOf(request.headers["content-type"]);
  if (form === undefined) return refuse(response, 415, "expected application/grpc-web or application/grpc-web-text");

  const body = await readBody(context, request, form);
  if (body === "gone") return;
  if (body === "busy") return refuse(response, 503, "too many large requests at once");
  response.statusCode = 200;
  response.setHeader(
    "content-type",
    form === "text" ? "application/grpc-web-text+proto" : "application/grpc-web+proto",
  );
  response.setHeader("cache-control", "no-store");
  if (body === "oversize") {
    response.setHeader("connection", "close");
    const message = `the request exceeds the limit of ${maxBodySize(form)} bytes`;
    return finish(context, response, form, { code: RpcCode.resourceExhausted, message });
  }
  await dispatch(context, request, response, form, body);
}

async function dispatch(
  context: Context,
  request: IncomingMessage,
  response: ServerResponse,
  form: WebForm,
  body: Buffer,
): Promise<void> {
  const path = new URL(request.url ?? "/", "http://localhost").pathname;
  const cancellation = context.calls.begin();
  response.once("close", () => cancellation.cancel());
  const { ended, forget } = endOf(request, cancellation);
  try {
    const answered = context.handler.handle(path, requestMessage(body, form), {
      cancellation: cancellation.token,
    });
    if (answered.kind === "unary") {
      const result = await Promise.race([answered.result, ended]);
      response.end(Buffer.concat([inForm(messageFrame(result), form), inForm(trailersFrame(OK), form)]));
      return;
    }
    response.flushHeaders();
    const end = await Promise.race([
      ended,
      pump(answered.items, cancellation.token, {
        send: (item, sent) => response.write(inForm(messageFrame(item), form), () => sent()),
        stallTimer: (stalled) => context.calls.stallTimer(stalled),
      }),
    ]);
    context.calls.report(path, end.error);
    finish(context, response, form, end.status);
  } catch (error) {
    context.calls.report(path, error);
    finish(context, response, form, statusOf(error));
  } finally {
    forget();
    context.calls.end(cancellation);
  }
}

const OK: RpcStatus = { code: RpcCode.ok, message: "" };

/** Fails when the call ends before its answer: its deadline passes, its client leaves or the server stops. */
function endOf(request: IncomingMessage, cancellation: Cancellation): { ended: Promise<never>; forget: () => void } {
  const delay = timeoutMs(request.headers["grpc-timeout"]);
  let timer: NodeJS.Timeout | undefined;
  const ended = new Promise<never>((_resolve, reject) => {
    if (delay !== undefined) {
      timer = setTimeout(() => {
        reject(new RpcError(RpcCode.deadlineExceeded, "deadline exceeded"));
        cancellation.cancel();
      }, delay);
    }
    cancellation.token.onCancel(() => reject(new RpcError(RpcCode.cancelled, "the call was cancelled")));
  });
  // The answer may come first; then nobody else looks at this promise.
  ended.catch(() => undefined);
  return { ended, forget: () => clearTimeout(timer) };
}

function finish(context: Context, response: ServerResponse, form: WebForm, status: RpcStatus): void {
  if (response.destroyed) return;
  // A client that does not read would keep the connection, and what waits in it, for ever.
  response.once(
    "close",
    context.calls.stallTimer(() => response.destroy()),
  );
  response.end(inForm(trailersFrame(status), form));
}

function preflight(response: ServerResponse): void {
  response.statusCode = 204;
  response.setHeader("access-control-allow-methods", "POST");
  response.setHeader("access-control-allow-headers", ALLOWED_HEADERS);
  response.setHeader("access-control-allow-private-network", "true");
  response.setHeader("access-control-max-age", "86400");
  response.end();
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.statusCode = status;
  response.setHeader("content-type", "text/plain; charset=utf-8");
  response.setHeader("connection", "close");
  response.end(`${message}\n`);
}

function formOf(contentType: string | undefined): WebForm | undefined {
  const type = (contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (/^application\/grpc-web-text(\+[a-z]+)?$/.test(type)) return "text";
  return /^application\/grpc-web(\+[a-z]+)?$/.test(type) ? "binary" : undefined;
}

async function readBody(
  context: Context,
  request: IncomingMessage,
  form: WebForm,
): Promise<Buffer | "oversize" | "busy" | "gone"> {
  const limit = maxBodySize(form);
  if (Number(request.headers["content-length"] ?? "0") > limit) return "oversize";
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    // Without the option, leaving the loop would cut the connection before the refusal is sent.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      context.pendingBodies += chunk.length;
      if (size > limit) return "oversize";
      if (context.pendingBodies > MAX_PENDING_BODIES) return "busy";
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch {
    // The client hung up in the middle of its request: nobody is left to answer.
    return "gone";
  } finally {
    context.pendingBodies -= size;
  }
}

const TIMEOUT_UNITS_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

function timeoutMs(header: string | string[] | undefined): number | undefined {
  const [, amount, unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(String(header)) ?? [];
  const factor = TIMEOUT_UNITS_MS[unit];
  if (amount === undefined || factor === undefined) return undefined;
  // Timers hold 31 bits; whoever waits longer than 24 days has no deadline.
  return Math.min(Math.ceil(Number(amount) * factor), 0x7fffffff);
}
