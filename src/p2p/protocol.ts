/**
 * Requests and responses between peers (runtime layer: P2P): one request `{method, body}` and one response, `{ok}` or
 * `{error}`, per stream.
 */
import { toHex } from "#common/bytes.js";
import { CodedError, DecodeError, UNKNOWN_MODULE } from "#common/errors/index.js";
import { FRAME_BYTES } from "#common/limits.js";
import { omitEmpty, optional, raw, type Schema, struct, text, u32 } from "#common/schema/index.js";
import type { Version } from "#common/version.js";
import { hostErrors, rpcErrors } from "./errors.js";
import type { P2pHost } from "./host.js";

/** Largest request or response, in bytes. */
export const MAX_FRAME_BYTES = FRAME_BYTES;
const METHOD_BYTES = 256;
const DEFAULT_DEADLINE_MS = 5000;

export class Request extends struct("Request", { method: text({ max: METHOD_BYTES }), body: raw }) {}

class ErrorBody extends struct("Error", {
  module: omitEmpty(text({ max: 1024 })),
  code: omitEmpty(u32),
  message: omitEmpty(text({ max: 1 << 16 })),
}) {}

export class Response extends struct("Response", { error: optional(ErrorBody), ok: omitEmpty(raw) }) {}

/** One method of a protocol. */
export interface PeerMethod<Q, A> {
  readonly request: Schema<Q>;
  readonly response: Schema<A>;
  /** How long the client waits, in milliseconds; 5000 when absent. */
  readonly deadlineMs?: number;
}

/** A protocol: its name and version on the wire and its methods by name. */
export interface PeerProtocol<M> {
  readonly name: string;
  readonly version: Version;
  readonly methods: M;
}

/** Declares a protocol. */
export function defineProtocol<const M extends Readonly<Record<string, PeerMethod<unknown, unknown>>>>(
  name: string,
  version: Version,
  methods: M,
): PeerProtocol<M> {
  return { name, version, methods };
}

/**
 * Identifier of a protocol; it has a leading slash.
 *
 * @param chainContext hexadecimal hash of the genesis document
 * @param runtimeId 32 bytes; absent for a protocol of the consensus layer
 */
export function protocolId(
  chainContext: string,
  protocol: { readonly name: string; readonly version: Version },
  runtimeId?: Uint8Array,
): string {
  const runtime = runtimeId === undefined ? "" : `/${toHex(runtimeId)}`;
  return `/oasis/${chainContext}/${protocol.name}${runtime}/${protocol.version.major}.0.0`;
}

type RequestOf<M> = M extends PeerMethod<infer Q, infer _A> ? Q : never;
type ResponseOf<M> = M extends PeerMethod<infer _Q, infer A> ? A : never;

/** What answers the methods of a protocol; a thrown CodedError reaches the peer. */
export type PeerHandlers<M> = {
  readonly [K in keyof M]?: (
    request: RequestOf<M[K]>,
    from: Uint8Array,
  ) => ResponseOf<M[K]> | Promise<ResponseOf<M[K]>>;
};

type ErasedMethod = PeerMethod<unknown, unknown>;
type ErasedHandler = (request: unknown, from: Uint8Array) => unknown;

function decodeOr<T>(schema: Schema<T>, bytes: Uint8Array, failure: (reason: string) => CodedError): T {
  try {
    return schema.decode(bytes, "rpc");
  } catch (error) {
    if (error instanceof DecodeError) throw failure(error.message);
    throw error;
  }
}

function errorResponse(error: unknown): Uint8Array {
  const coded = error instanceof CodedError ? error : new CodedError(UNKNOWN_MODULE, 1, String(error));
  const { module, code, message } = coded;
  return Response.encode({ error: { module, code, message }, ok: new Uint8Array(0) });
}

/**
 * Serves a protocol.
 *
 * @param id as made by `protocolId`
 * @returns ends it
 */
export function servePeers<M>(
  host: P2pHost,
  id: string,
  protocol: PeerProtocol<M>,
  handlers: PeerHandlers<M>,
): () => void {
  const methods = protocol.methods as Readonly<Record<string, ErasedMethod>>;
  const answers = handlers as Readonly<Record<string, ErasedHandler>>;
  return host.serve(id, async (bytes, from) => {
    try {
      const { method: name, body } = decodeOr(Request, bytes, rpcErrors.badRequest);
      const method = Object.hasOwn(methods, name) ? methods[name] : undefined;
      const handler = Object.hasOwn(answers, name) ? answers[name] : undefined;
      if (method === undefined || handler === undefined) throw rpcErrors.methodNotSupported();
      const answer = await handler(decodeOr(method.request, body, rpcErrors.badRequest), from);
      return Response.encode({ error: undefined, ok: method.response.encode(answer) });
    } catch (error) {
      return errorResponse(error);
    }
  });
}

/**
 * Calls a method of one peer.
 *
 * @throws CodedError of the peer, or p2p/host when it does not answer properly
 */
export async function callPeer<M, K extends keyof M & string>(
  host: P2pHost,
  peer: Uint8Array,
  id: string,
  protocol: PeerProtocol<M>,
  name: K,
  request: RequestOf<M[K]>,
): Promise<ResponseOf<M[K]>> {
  const method = protocol.methods[name] as unknown as ErasedMethod;
  const bytes = Request.encode({ method: name, body: method.request.encode(request) });
  const answer = await host.request(peer, id, bytes, method.deadlineMs ?? DEFAULT_DEADLINE_MS);
  const { error, ok } = decodeOr(Response, answer, hostErrors.badResponse);
  if (error !== undefined && error.code !== 0) throw new CodedError(error.module, error.code, error.message);
  return decodeOr(method.response, ok, hostErrors.badResponse) as ResponseOf<M[K]>;
}
