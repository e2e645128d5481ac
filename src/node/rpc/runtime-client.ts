import { follow, type Handlers } from "#common/rpc/index.js";
import { clientErrors } from "#worker/client/errors.js";
import type { runtimeClientMethods } from "#worker/client/rpc.js";
import type { RuntimeClient } from "#worker/client/runtime-client.js";
import type { Node } from "../node.js";
import { syncerOf } from "./storage.js";

/** Methods of the runtime client: each runtime of the node answers for itself. */
export function runtimeClientHandlers(node: Node): Handlers<(typeof runtimeClientMethods)["methods"]> {
  const client = (id: Uint8Array): RuntimeClient => {
    const worker = node.runtime(id);
    if (worker === undefined) throw clientErrors.noHostedRuntime();
    return worker.client;
  };
  return {
    SubmitTx: ({ runtimeId, data }, call) => client(runtimeId).submitTx(data, call.cancellation),
    async SubmitTxNoWait({ runtimeId, data }) {
      await client(runtimeId).submitTxNoWait(data);
      return null;
    },
    SubmitTxMeta: ({ runtimeId, data }, call) => client(runtimeId).submitTxMeta(data, call.cancellation),
    async CheckTx({ runtimeId, data }) {
      await client(runtimeId).checkTx(data);
      return null;
    },
    GetGenesisBlock: (id) => client(id).getGenesisBlock(),
    GetLastRetainedBlock: (id) => client(id).getLastRetainedBlock(),
    GetBlock: ({ runtimeId, round }) => client(runtimeId).getBlock(round),
    GetTransactions: ({ runtimeId, round }) => client(runtimeId).getTransactions(round),
    GetTransactionsWithResults: ({ runtimeId, round }) => client(runtimeId).getTransactionsWithResults(round),
    GetUnconfirmedTransactions: (id) => client(id).getUnconfirmedTransactions(),
    GetEvents: ({ runtimeId, round }) => client(runtimeId).getEvents(round),
    Query: ({ runtimeId, round, method, args, component }) =>
      client(runtimeId).query(round, method, args ?? new Uint8Array(0), component),
    StateSyncGet: (request) => syncerOf(node, request.tree.root).syncGet(request),
    StateSyncGetPrefixes: (request) => syncerOf(node, request.tree.root).syncGetPrefixes(request),
    StateSyncIterate: (request) => syncerOf(node, request.tree.root).syncIterate(request),
    WatchBlocks: (id, call) => follow(call, client(id).watchBlocks(), (block) => [block]),
  };
}
