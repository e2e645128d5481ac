import { defineErrors } from "#common/errors/index.js";

/** Answers of the request and response protocol itself (runtime layer: P2P). */
export const rpcErrors = defineErrors("p2p/rpc", {
  methodNotSupported: [1, "rpc: method not supported"],
  badRequest: [2, "rpc: bad request"],
});

/** Why a request got no response. */
export const hostErrors = defineErrors("p2p/host", {
  unreachable: [1, "p2p: peer cannot be reached"],
  deadline: [2, "p2p: no response in time"],
  tooLarge: [3, "p2p: message is too large"],
  busy: [4, "p2p: too many requests in flight"],
  closed: [5, "p2p: host is closed"],
  noPeers: [6, "p2p: no peer serves the protocol"],
  badResponse: [7, "p2p: malformed response"],
});
