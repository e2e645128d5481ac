import type { CancellationToken } from "../cancellation.js";
import { methodPath, type Methods, type MethodTable, type StreamMethod, type UnaryMethod } from "./table.js";

/** A way to a server. Both methods throw `CodedError` or `RpcError` for a status other than ok. */
export interface Channel {
  unary(path: string, request: Uint8Array, options: CallOptions): Promise<Uint8Array>;
  stream(path: string, request: Uint8Array, options: CallOptions): AsyncIterable<Uint8Array>;
}

/** What a caller may add to a call. */
export interface CallOptions {
  /** Milliseconds after which the call fails; no limit if absent. */
  readonly timeoutMs?: number;
  readonly cancellation?: CancellationToken;
}

type Argument<Q> = Q extends null ? [request?: null, options?: CallOptions] : [request: Q, options?: CallOptions];

type Caller<D> =
  D extends StreamMethod<infer Q, infer A>
    ? (...args: Argument<Q>) => AsyncIterable<A>
    : D extends UnaryMethod<infer Q, infer A>
      ? (...args: Argument<Q>) => Promise<A>
      : never;

/** The methods of a service as functions. */
export type Client<M extends Methods> = { readonly [K in keyof M]: Caller<M[K]> };

/** Makes a typed client of a service over a channel. Answers are decoded as tolerantly as the reference does. */
export function createClient<M extends Methods>(table: MethodTable<M>, channel: Channel): Client<M> {
  const client: Record<string, unknown> = {};
  for (const [name, method] of Object.entries(table.methods)) {
    const path = methodPath(table.service, name);
    client[name] = (request: unknown = null, options: CallOptions = {}) =>
      method.kind === "unary"
        ? callUnary(channel, path, method, request, options)
        : callStream(channel, path, method, request, options);
  }
  return client as Client<M>;
}

async function callUnary(
  channel: Channel,
  path: string,
  method: UnaryMethod<unknown, unknown>,
  request: unknown,
  options: CallOptions,
): Promise<unknown> {
  const answer = await channel.unary(path, method.request.encode(request), options);
  return decodeAnswer(method, answer);
}

async function* callStream(
  channel: Channel,
  path: string,
  method: StreamMethod<unknown, unknown>,
  request: unknown,
  options: CallOptions,
): AsyncGenerator<unknown, void, void> {
  for await (const item of channel.stream(path, method.request.encode(request), options)) {
    yield decodeAnswer(method, item);
  }
}

function decodeAnswer(method: UnaryMethod<unknown, unknown> | StreamMethod<unknown, unknown>, answer: Uint8Array) {
  return answer.length === 0 ? method.response.zero() : method.response.decode(answer, "rpc");
}
