import { follow, type Handlers } from "#common/rpc/index.js";
import { firstBlock } from "#consensus/services/roothash/queries.js";
import { clientErrors } from "#worker/client/errors.js";
import type { runtimeClientMethods } from "#worker/client/rpc.js";
import type { RuntimeClient } from "#worker/client/runtime-client.js";
import type { Node } from "../node.js";
import type { ChainView } from "./chain-view.js";
import { tellingNotFound } from "./not-found.js";
import { orNull } from "./or-null.js";
import { runtimeNotFound, treeReads } from "./storage.js";

/** Methods of the runtime client: each runtime of the node answers for itself, and what is missing has three names. */
export function runtimeClientHandlers(view: ChainView, node: Node): Handlers<(typeof runtimeClientMethods)["methods"]> {
  const clientOr = (id: Uint8Array, missing: (id: Uint8Array) => Error): RuntimeClient => {
    const worker = node.runtime(id);
    if (worker === undefined) throw missing(id);
    return worker.client;
  };
  const hosted = (id: Uint8Array): RuntimeClient => clientOr(id, () => clientErrors.noHostedRuntime());
  const known = (id: Uint8Array): RuntimeClient => clientOr(id, runtimeNotFound);
  const reads = treeReads(node);
  return {
    SubmitTx: ({ runtimeId, data }, call) => hosted(runtimeId).submitTx(data, call.cancellation),
    async SubmitTxNoWait({ runtimeId, data }) {
      await hosted(runtimeId).submitTxNoWait(data);
      return null;
    },
    SubmitTxMeta: ({ runtimeId, data }, call) => hosted(runtimeId).submitTxMeta(data, call.cancellation),
    async CheckTx({ runtimeId, data }) {
      await hosted(runtimeId).checkTx(data);
      return null;
    },
    GetGenesisBlock: (id) => tellingNotFound(() => firstBlock(view.state(0n), id)),
    GetLastRetainedBlock: (id) => tellingNotFound(() => known(id).getLastRetainedBlock()),
    GetBlock: ({ runtimeId, round }) => tellingNotFound(() => known(runtimeId).getBlock(round)),
    GetTransactions: ({ runtimeId, round }) => known(runtimeId).getTransactions(round),
    GetTransactionsWithResults: ({ runtimeId, round }) => orNull(known(runtimeId).getTransactionsWithResults(round)),
    GetUnconfirmedTransactions: (id) =>
      orNull(clientOr(id, () => clientErrors.notFound()).getUnconfirmedTransactions()),
    GetEvents: ({ runtimeId, round }) => known(runtimeId).getEvents(round),
    Query: ({ runtimeId, round, method, args, component }, { cancellation }) =>
      tellingNotFound(() => hosted(runtimeId).query(round, method, args ?? new Uint8Array(0), component, cancellation)),
    StateSyncGet: reads.get,
    StateSyncGetPrefixes: reads.getPrefixes,
    StateSyncIterate: reads.iterate,
    WatchBlocks: (id, call) => follow(call, known(id).watchBlocks(), (block) => [block]),
  };
}
