import { Cancellation } from "#common/cancellation.js";
import { CodedError, DecodeError } from "#common/errors/index.js";
import { SubscriberTooSlow } from "#common/event-hub.js";
import type { Log } from "#common/ports/log.js";
import { RpcError } from "#common/rpc/index.js";

/** How long a client may leave a stream unread once the little that is buffered for it is full, in milliseconds. */
const STALL_TIMEOUT_MS = 30_000;

/** A server that can be stopped. */
export interface ListeningServer {
  /** Ends every open call and stops listening. */
  close(): Promise<void>;
}

/** What both servers let tests and operators choose. */
export interface ServerLimits {
  /** Milliseconds after which a stream that its client does not read is dropped; 30 seconds if absent. */
  readonly stallTimeoutMs?: number;
}

/** The calls that a server is answering. */
export class OpenCalls {
  readonly #open = new Set<Cancellation>();
  readonly #log: Log;
  readonly #stallTimeoutMs: number;

  constructor(log: Log, limits: ServerLimits) {
    this.#log = log;
    this.#stallTimeoutMs = limits.stallTimeoutMs ?? STALL_TIMEOUT_MS;
  }

  begin(): Cancellation {
    const cancellation = new Cancellation();
    this.#open.add(cancellation);
    return cancellation;
  }

  end(cancellation: Cancellation): void {
    this.#open.delete(cancellation);
  }

  cancelAll(): void {
    for (const cancellation of this.#open) cancellation.cancel();
  }

  /** Logs an error unless it is an answer of the protocol or the client's own doing. */
  report(path: string, error: unknown): void {
    const expected = [CodedError, RpcError, DecodeError, SubscriberTooSlow].some((kind) => error instanceof kind);
    if (expected || error === undefined) return;
    const text = error instanceof Error ? `${error.name}: ${error.message}` : "not an error";
    this.#log.error("RPC method failed", { path, error: text });
  }

  /** For `pump`. */
  stallTimer(stalled: () => void): () => void {
    const timer = setTimeout(stalled, this.#stallTimeoutMs);
    return () => clearTimeout(timer);
  }
}
