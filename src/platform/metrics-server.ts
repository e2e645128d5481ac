import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { InvalidInput } from "#common/errors/index.js";
import type { Log } from "#common/ports/log.js";
import type { PrometheusMetrics } from "./metrics.js";
import type { ListeningServer } from "./rpc-calls.js";

/** Only programs on this machine are answered. */
const HOST = "127.0.0.1";
/** Milliseconds that a client may take for its request. */
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 32;

export interface MetricsServer extends ListeningServer {
  readonly port: number;
}

/**
 * Answers GET /metrics.
 * @param port 0 for any that is free
 * @param refresh brings what is read on demand up to date, before each answer
 * @throws InvalidInput when the port cannot be used
 */
export async function listenMetrics(
  port: number,
  metrics: PrometheusMetrics,
  refresh: () => void,
  log: Log,
): Promise<MetricsServer> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    answer(request, response, metrics, refresh).catch((error: unknown) => {
      log.error("metrics were not told", { error: String(error) });
      if (!response.headersSent) response.statusCode = 500;
      response.end();
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const reason = error.code === "EADDRINUSE" ? "is already in use" : `cannot be used: ${error.message}`;
      reject(new InvalidInput("metrics", `port ${port} ${reason}`));
    });
    server.listen(port, HOST, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  metrics: PrometheusMetrics,
  refresh: () => void,
): Promise<void> {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  if (request.method !== "GET" || pathname !== "/metrics") {
    response.statusCode = pathname === "/metrics" ? 405 : 404;
    response.end("GET /metrics\n");
    return;
  }
  refresh();
  response.setHeader("content-type", metrics.contentType);
  response.end(await metrics.text());
}
