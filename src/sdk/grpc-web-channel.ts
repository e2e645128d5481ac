/** Calls over gRPC-web, for where there is `fetch` and no sockets: browsers (consensus core: gRPC). */
import { concatBytes, fromBase64, fromUtf8, readU32be, u32be } from "#common/bytes.js";
import { CodedError, DecodeError, reasonOf } from "#common/errors/index.js";
import type { Clock } from "#common/ports/clock.js";
import { type CallOptions, type Channel, errorOf, MAX_MESSAGE_SIZE, RpcCode, RpcError } from "#common/rpc/index.js";
import { decodeStatusDetails, STATUS_DETAILS } from "./grpc-status.js";

/** The part of an answer of `fetch` that is used. */
export interface FetchAnswer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: { getReader(): FetchReader } | null;
}

/** Reads the body of an answer piece by piece. */
export interface FetchReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array }>;
}

/** A request of `fetch` that can be called off. */
export interface FetchRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** What a browser offers of its own. */
export interface WebWorld {
  readonly clock: Clock;
  /** Makes a POST request that `abort` ends, whatever has come of it so far. */
  post(url: string, request: FetchRequest): { readonly answer: Promise<FetchAnswer>; abort(): void };
}

const HEAD_SIZE = 5;
const MESSAGE_FLAG = 0x00;
const TRAILERS_FLAG = 0x80;
/** Longest block of trailers in bytes. */
const MAX_TRAILERS = 65_536;

/**
 * A channel to a node's gRPC-web address. Connections are the browser's business: there is nothing to close.
 *
 * @param url address without a path, as "http://127.0.0.1:8080"
 */
export function connectGrpcWeb(url: string, world: WebWorld): Channel {
  const base = url.replace(/\/+$/, "");
  return {
    async unary(path, request, options) {
      let message: Uint8Array | undefined;
      for await (const item of call(`${base}${path}`, request, options, world)) {
        if (message !== undefined) throw new RpcError(RpcCode.internal, "the server sent more than one answer");
        message = item;
      }
      if (message === undefined) throw new RpcError(RpcCode.internal, "the server sent no answer");
      return message;
    },
    stream: (path, request, options) => call(`${base}${path}`, request, options, world),
  };
}

async function* call(
  url: string,
  message: Uint8Array,
  { timeoutMs, cancellation }: CallOptions,
  world: WebWorld,
): AsyncGenerator<Uint8Array, void, void> {
  const headers: Record<string, string> = { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" };
  if (timeoutMs !== undefined) headers["grpc-timeout"] = `${Math.ceil(timeoutMs)}m`;
  const body = concatBytes(Uint8Array.of(MESSAGE_FLAG), u32be(message.length), message);
  const { answer, abort } = world.post(url, { headers, body });
  let reason: RpcError | undefined;
  const end = (why: RpcError): void => {
    reason ??= why;
    abort();
  };
  const forget = cancellation?.onCancel(() => end(new RpcError(RpcCode.cancelled, "the call was cancelled")));
  const timer =
    timeoutMs === undefined
      ? undefined
      : world.clock.setTimer(timeoutMs, () => end(new RpcError(RpcCode.deadlineExceeded, "deadline exceeded")));
  try {
    yield* messagesOf(await answer);
  } catch (error) {
    if (reason !== undefined) throw reason;
    throw isOfCall(error) ? error : new RpcError(RpcCode.unavailable, `no answer from ${url}: ${reasonOf(error)}`);
  } finally {
    forget?.();
    timer?.cancel();
    // Whoever stops listening to a stream stops it; a call that has ended does not notice.
    abort();
  }
}

function isOfCall(error: unknown): boolean {
  return error instanceof RpcError || error instanceof DecodeError || error instanceof CodedError;
}

/** The messages of an answer until its trailers. @throws the error that the trailers tell of */
async function* messagesOf(answer: FetchAnswer): AsyncGenerator<Uint8Array, void, void> {
  if (answer.status !== 200) {
    throw new RpcError(RpcCode.unavailable, `the server answered with HTTP status ${answer.status}`);
  }
  // Proxies put the status of a call without messages into the headers.
  const early = answer.headers.get("grpc-status");
  if (early !== null && early !== "0") throw statusError((name) => answer.headers.get(name) ?? undefined);
  const bytes = new ByteQueue(answer.body?.getReader());
  for (;;) {
    const head = await bytes.take(HEAD_SIZE);
    if (head === undefined) throw new RpcError(RpcCode.internal, "the answer ended without a status");
    const flag = head[0];
    const size = readU32be(head, 1);
    if (flag !== MESSAGE_FLAG && flag !== TRAILERS_FLAG) throw new DecodeError(`unknown frame flag ${flag}`);
    const limit = flag === MESSAGE_FLAG ? MAX_MESSAGE_SIZE : MAX_TRAILERS;
    if (size > limit) throw new RpcError(RpcCode.resourceExhausted, `a frame of ${size} bytes, limit ${limit}`);
    const content = await bytes.take(size);
    if (content === undefined) throw new RpcError(RpcCode.internal, "the answer ended in the middle of a frame");
    if (flag === TRAILERS_FLAG) {
      const trailers = parseTrailers(content);
      if (trailers.get("grpc-status") === "0") return;
      throw statusError((name) => trailers.get(name));
    }
    yield content;
  }
}

function parseTrailers(block: Uint8Array): Map<string, string> {
  const out = new Map<string, string>();
  for (const line of fromUtf8(block).split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) out.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return out;
}

function statusError(value: (name: string) => string | undefined): Error {
  const code = Number(value("grpc-status") ?? RpcCode.unknown);
  const message = percentDecode(value("grpc-message") ?? "");
  const details = value(STATUS_DETAILS);
  try {
    return errorOf(decodeStatusDetails(code, message, details === undefined ? undefined : unpadded(details)));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    // Details that nobody can read must not hide the status itself.
    return new RpcError(code, message);
  }
}

/** Binary metadata travels as base64, mostly without padding. */
function unpadded(text: string): Uint8Array {
  const plain = text.replace(/=+$/, "");
  return fromBase64(plain + "=".repeat((4 - (plain.length % 4)) % 4));
}

function percentDecode(text: string): string {
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const escaped = /^%[0-9A-Fa-f]{2}/.test(text.slice(i, i + 3));
    bytes.push(escaped ? Number.parseInt(text.slice(i + 1, i + 3), 16) : text.charCodeAt(i));
    if (escaped) i += 2;
  }
  try {
    return fromUtf8(Uint8Array.from(bytes));
  } catch {
    return text;
  }
}

/** Cuts what arrives in pieces into pieces of known size. */
class ByteQueue {
  readonly #reader: FetchReader | undefined;
  #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(reader: FetchReader | undefined) {
    this.#reader = reader;
  }

  /** The next bytes; undefined when the answer ends before. */
  async take(size: number): Promise<Uint8Array | undefined> {
    while (this.#size < size) {
      const { done, value } = (await this.#reader?.read()) ?? { done: true };
      if (done || value === undefined) return undefined;
      this.#chunks.push(value);
      this.#size += value.length;
    }
    // Many frames of one piece are cut from it without copying the rest each time.
    const [only] = this.#chunks;
    const all = only !== undefined && this.#chunks.length === 1 ? only : concatBytes(...this.#chunks);
    this.#chunks = [all.subarray(size)];
    this.#size -= size;
    return all.subarray(0, size);
  }
}
