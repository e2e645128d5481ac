import type { Schema } from "../schema/index.js";

/** Prefix of every service name on the wire (consensus core: gRPC). */
const SERVICE_PREFIX = "oasis-core.";

/** A method that answers once. */
export interface UnaryMethod<Q, A> {
  readonly kind: "unary";
  readonly request: Schema<Q>;
  readonly response: Schema<A>;
}

/** A method that answers with any number of items. */
export interface StreamMethod<Q, A> {
  readonly kind: "stream";
  readonly request: Schema<Q>;
  readonly response: Schema<A>;
}

/** Method name on the wire -> method. */
export type Methods = Readonly<Record<string, UnaryMethod<unknown, unknown> | StreamMethod<unknown, unknown>>>;

/** The methods of one service: the same table drives the server and the client. */
export interface MethodTable<M extends Methods> {
  /** Name without the common prefix, as "Staking". */
  readonly service: string;
  readonly methods: M;
}

/** Declares a method that answers once. */
export function unary<Q, A>(request: Schema<Q>, response: Schema<A>): UnaryMethod<Q, A> {
  return { kind: "unary", request, response };
}

/** Declares a method that answers with a stream of items. */
export function stream<Q, A>(request: Schema<Q>, response: Schema<A>): StreamMethod<Q, A> {
  return { kind: "stream", request, response };
}

/** Declares the methods of a service, named as on the wire. */
export function defineMethods<const M extends Methods>(service: string, methods: M): MethodTable<M> {
  return { service, methods };
}

/** Path of a method as gRPC sends it: "/oasis-core.Staking/Account". */
export function methodPath(service: string, method: string): string {
  return `/${SERVICE_PREFIX}${service}/${method}`;
}
