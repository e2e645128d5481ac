import { assert } from "../assert.js";
import type { CancellationToken } from "../cancellation.js";
import type { Schema } from "../schema/index.js";
import { MAX_MESSAGE_SIZE, RpcCode, RpcError, rpcErrors } from "./status.js";
import { methodPath, type Methods, type MethodTable, type StreamMethod, type UnaryMethod } from "./table.js";

/** What a handler knows of the call besides its request. */
export interface Call {
  /** Tells when nobody waits for the answer any more. */
  readonly cancellation: CancellationToken;
}

type Handler<D> =
  D extends StreamMethod<infer Q, infer A>
    ? (request: Q, call: Call) => AsyncIterable<A>
    : D extends UnaryMethod<infer Q, infer A>
      ? (request: Q, call: Call) => A | Promise<A>
      : never;

/** Functions that answer the methods of a table. A missing one is answered with "unimplemented". */
export type Handlers<M extends Methods> = { readonly [K in keyof M]?: Handler<M[K]> };

/** An answer on its way: encoded already, whatever the transport. */
export type Answer =
  | { readonly kind: "unary"; readonly result: Promise<Uint8Array> }
  | { readonly kind: "stream"; readonly items: AsyncIterable<Uint8Array> };

type AnyHandler = (request: unknown, call: Call) => unknown;

interface Route {
  readonly kind: "unary" | "stream";
  readonly request: Schema<unknown>;
  readonly response: Schema<unknown>;
  readonly handler: AnyHandler | undefined;
}

/** Who wants to know of every call, e.g. to count them. It must not throw. */
export interface CallObserver {
  /** A call of a served method began; returns what is to be called when it has ended. */
  began(path: string): () => void;
  /** A stream sent an item. */
  streamed(path: string): void;
}

/** Dispatches calls by path; every transport of a node shares one. */
export class RpcHandler {
  readonly #routes = new Map<string, Route>();
  #observer: CallObserver | undefined;

  /** Adds a service. Its paths must be new. */
  add<M extends Methods>(table: MethodTable<M>, handlers: Handlers<M>): this {
    for (const [name, method] of Object.entries(table.methods)) {
      const path = methodPath(table.service, name);
      assert(!this.#routes.has(path), `${path} is served twice`);
      const handler = handlers[name]?.bind(handlers) as AnyHandler | undefined;
      this.#routes.set(path, { kind: method.kind, request: method.request, response: method.response, handler });
    }
    return this;
  }

  /** Tells somebody of every call from now on. */
  observe(observer: CallObserver): this {
    this.#observer = observer;
    return this;
  }

  /** Whether the method of a path answers once or with a stream; undefined for unknown paths. */
  kindOf(path: string): "unary" | "stream" | undefined {
    return this.#routes.get(path)?.kind;
  }

  /** Every path that is served. */
  paths(): string[] {
    return [...this.#routes.keys()];
  }

  /**
   * Answers one call. An empty request stands for the zero value, which is how clients send nil.
   *
   * @param path as in `methodPath`
   * @returns never throws by itself: the promise or the iteration fails, with an error for `statusOf`
   */
  handle(path: string, request: Uint8Array, call: Call): Answer {
    const route = this.#routes.get(path);
    const observer = route === undefined ? undefined : this.#observer;
    if (route?.kind === "stream") {
      const items = streamItems(route, path, request, call);
      return { kind: "stream", items: observer === undefined ? items : observedItems(items, path, observer) };
    }
    const ended = observer?.began(path);
    const result = orCancelled(unaryResult(route, path, request, call), call.cancellation);
    return { kind: "unary", result: ended === undefined ? result : result.finally(ended) };
  }
}

/** What waits for something that never comes ends with its call, which would be kept and counted for ever else. */
function orCancelled(result: Promise<Uint8Array>, cancellation: CancellationToken): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const forget = cancellation.onCancel(() => reject(new RpcError(RpcCode.cancelled, "the call was cancelled")));
    result.finally(forget).then(resolve, reject);
  });
}

async function unaryResult(
  route: Route | undefined,
  path: string,
  request: Uint8Array,
  call: Call,
): Promise<Uint8Array> {
  const handler = requireHandler(route, path);
  const answer = await handler.run(decodeRequest(handler.route, request), call);
  return encodeResponse(handler.route, answer);
}

async function* streamItems(
  route: Route,
  path: string,
  request: Uint8Array,
  call: Call,
): AsyncGenerator<Uint8Array, void, void> {
  const handler = requireHandler(route, path);
  const items = handler.run(decodeRequest(route, request), call) as AsyncIterable<unknown>;
  for await (const item of items) yield encodeResponse(route, item);
}

async function* observedItems(
  items: AsyncIterable<Uint8Array>,
  path: string,
  observer: CallObserver,
): AsyncGenerator<Uint8Array, void, void> {
  const ended = observer.began(path);
  try {
    for await (const item of items) {
      observer.streamed(path);
      yield item;
    }
  } finally {
    ended();
  }
}

function requireHandler(route: Route | undefined, path: string): { route: Route; run: AnyHandler } {
  if (route?.handler === undefined) throw new RpcError(RpcCode.unimplemented, `unknown method ${path}`);
  return { route, run: route.handler };
}

function decodeRequest(route: Route, request: Uint8Array): unknown {
  return request.length === 0 ? route.request.zero() : route.request.decode(request, "rpc");
}

function encodeResponse(route: Route, answer: unknown): Uint8Array {
  const encoded = route.response.encode(answer);
  if (encoded.length > MAX_MESSAGE_SIZE) {
    throw rpcErrors.responseTooLarge(`${encoded.length} bytes exceed the limit of ${MAX_MESSAGE_SIZE}`);
  }
  return encoded;
}
