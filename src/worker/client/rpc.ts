import { FRAME_BYTES, FRAME_ELEMENTS } from "#common/limits.js";
import { Namespace } from "#common/namespace.js";
import { defineMethods, stream, unary } from "#common/rpc/index.js";
import { bytes, list, nothing, nullable } from "#common/schema/index.js";
import { AnnotatedBlock, Block } from "#consensus/services/roothash/types.js";
import { GetPrefixesRequest, GetRequest, IterateRequest, ProofResponse } from "#mkvs/proof/proof.js";
import {
  QueryRequest,
  QueryResponse,
  RawTransactions,
  RoundRequest,
  RuntimeEvent,
  SubmitTxMetaResponse,
  SubmitTxRequest,
  TransactionWithResults,
} from "./types.js";

const output = nullable(bytes({ max: FRAME_BYTES }));

/** Methods of the runtime client API (runtime layer: gRPC). */
export const runtimeClientMethods = defineMethods("RuntimeClient", {
  SubmitTx: unary(SubmitTxRequest, output),
  SubmitTxNoWait: unary(SubmitTxRequest, nothing),
  SubmitTxMeta: unary(SubmitTxRequest, SubmitTxMetaResponse),
  CheckTx: unary(SubmitTxRequest, nothing),
  GetGenesisBlock: unary(Namespace, nullable(Block)),
  GetLastRetainedBlock: unary(Namespace, Block),
  GetBlock: unary(RoundRequest, Block),
  GetTransactions: unary(RoundRequest, RawTransactions),
  GetTransactionsWithResults: unary(RoundRequest, nullable(list(TransactionWithResults, { max: FRAME_ELEMENTS }))),
  GetUnconfirmedTransactions: unary(Namespace, RawTransactions),
  GetEvents: unary(RoundRequest, nullable(list(RuntimeEvent, { max: FRAME_ELEMENTS }))),
  Query: unary(QueryRequest, QueryResponse),
  StateSyncGet: unary(GetRequest, ProofResponse),
  StateSyncGetPrefixes: unary(GetPrefixesRequest, ProofResponse),
  StateSyncIterate: unary(IterateRequest, ProofResponse),
  WatchBlocks: stream(Namespace, AnnotatedBlock),
});
