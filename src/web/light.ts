/**
 * A browser tab that believes no node: a light client over gRPC-web, and state that comes with proofs. Whatever is
 * imported here is downloaded by every visitor.
 */
import { type Connection, connect, type ConnectOptions } from "#sdk/connect.js";
import { connectGrpcWeb } from "#sdk/grpc-web-channel.js";
import { webWorld } from "./world.js";

export * from "#sdk/errors.js";
export { headerHash } from "#consensus/block/header.js";
export * from "./verify.js";

export interface WebConnectOptions extends Omit<ConnectOptions, "node" | "witnesses" | "clock"> {
  /** The gRPC-web address of a node, as "https://grpc.example". */
  readonly url: string;
  /** Those of other nodes, which are asked whether they see the same chain. */
  readonly witnesses?: readonly string[];
}

/** Prepares a connection to a network; see `connect` of the SDK. */
export function connectWeb({ url, witnesses = [], ...options }: WebConnectOptions): Connection {
  const peer = (address: string) => ({ name: address, channel: connectGrpcWeb(address, webWorld) });
  return connect({ ...options, node: peer(url), witnesses: witnesses.map(peer), clock: webWorld.clock });
}
