/** Calls into and out of an enclave (runtime host protocol: host to runtime and runtime to host bodies). */
import { PublicKey } from "#common/crypto/keys.js";
import { DecodeError } from "#common/errors/index.js";
import { define, optional, type Schema, struct, text, u64, u8 } from "#common/schema/index.js";
import { blob, items } from "./limits.js";

/** How the request of a call is wrapped. */
export const RPC_KIND = { noiseSession: 0, insecureQuery: 1, localQuery: 2 } as const;

/** One of RPC_KIND: a runtime does not read any other, so a message that has one is not answered. */
const RpcKind: Schema<number> = define<number>({
  typeName: "RPCKind",
  description: { kind: "integer", min: 0n, max: BigInt(RPC_KIND.localQuery), big: false },
  write: (w, value) => w.uint(value),
  readValue: (r) => known(r.readUint(0xff)),
  toJson: (value) => value,
  fromJson: (json) => known(u8.fromJson(json)),
  zero: () => RPC_KIND.noiseSession,
  isEmpty: (value) => value === RPC_KIND.noiseSession,
  equals: (a, b) => a === b,
});

function known(kind: number): number {
  if (kind > RPC_KIND.localQuery) throw new DecodeError(`unknown kind of call ${kind}`);
  return kind;
}

export class RuntimeRpcCallRequest extends struct("RuntimeRPCCallRequest", {
  request: blob,
  /** One of RPC_KIND; noiseSession when absent. */
  kind: optional(RpcKind),
  peerId: optional(blob),
}) {}

export class RuntimeRpcCallResponse extends struct("RuntimeRPCCallResponse", { response: blob }) {}

export class RuntimeLocalRpcCallRequest extends struct("RuntimeLocalRPCCallRequest", { request: blob }) {}

export class RuntimeLocalRpcCallResponse extends struct("RuntimeLocalRPCCallResponse", { response: blob }) {}

export class HostRpcCallRequest extends struct("HostRPCCallRequest", {
  endpoint: text({ max: 1024 }),
  /** Number for peer feedback; zero selects the old way of giving it. */
  requestId: u64,
  request: blob,
  /** One of RPC_KIND. */
  kind: u8,
  /** Only these nodes may answer; empty for any. */
  nodes: items(PublicKey),
  pf: optional(u8),
}) {}

export class HostRpcCallResponse extends struct("HostRPCCallResponse", {
  response: blob,
  /** The node that answered. */
  node: PublicKey,
}) {}

export class HostSubmitPeerFeedbackRequest extends struct("HostSubmitPeerFeedbackRequest", {
  endpoint: text({ max: 1024 }),
  requestId: u64,
  /** 0 success, 1 failure, 2 bad peer. */
  peerFeedback: u8,
}) {}
