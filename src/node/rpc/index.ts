import { RpcHandler } from "#common/rpc/index.js";
import type { HandlerOptions } from "./options.js";

export type { HandlerOptions } from "./options.js";

/** The whole client API of a node, for every transport. */
export function buildHandler(_options: HandlerOptions): RpcHandler {
  return new RpcHandler();
}
