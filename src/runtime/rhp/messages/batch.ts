/** Checking, executing and querying (runtime host protocol: host to runtime bodies; runtime layer: batches). */
import {
  Block,
  ComputeResultsHeader,
  Header,
  IncomingMessage,
  Message as RuntimeMessage,
  RoundResults,
} from "#consensus/services/roothash/types.js";
import { Signature } from "#common/crypto/keys.js";
import { Hash } from "#common/hash.js";
import { nullable, omitEmpty, struct, text, u32, u64, u8 } from "#common/schema/index.js";
import { WriteLog } from "#mkvs/write-log.js";
import { LightBlock } from "./consensus.js";
import { ErrorBody } from "./info.js";
import { blob, items } from "./limits.js";

export class RuntimeCheckTxBatchRequest extends struct("RuntimeCheckTxBatchRequest", {
  consensusBlock: LightBlock,
  inputs: nullable(items(blob)),
  block: Block,
  epoch: u64,
  maxMessages: u32,
}) {}

/** What the transaction pool needs to know of an accepted transaction. */
export class CheckTxMetadata extends struct("CheckTxMetadata", {
  priority: omitEmpty(u64),
  sender: omitEmpty(blob),
  senderSeq: omitEmpty(u64),
  senderStateSeq: omitEmpty(u64),
}) {}

export class CheckTxResult extends struct("CheckTxResult", {
  /** Code 0 when the transaction is accepted. */
  error: ErrorBody,
  meta: nullable(CheckTxMetadata),
}) {}

export class RuntimeCheckTxBatchResponse extends struct("RuntimeCheckTxBatchResponse", {
  /** As many as inputs, in their order. */
  results: items(CheckTxResult),
}) {}

/** In which role a batch is executed. */
export const EXECUTION_MODE = {
  /** As it is. */
  execute: 0,
  /** The runtime picks. */
  schedule: 1,
} as const;

export class RuntimeExecuteTxBatchRequest extends struct("RuntimeExecuteTxBatchRequest", {
  /** One of EXECUTION_MODE. */
  mode: omitEmpty(u8),
  consensusBlock: LightBlock,
  /** Results of the last normal round. */
  roundResults: nullable(RoundResults),
  /** Root of the inputs; 32 zero bytes when scheduling. */
  ioRoot: Hash,
  inputs: nullable(items(blob)),
  /** The whole queue of incoming messages of the height. */
  inMsgs: omitEmpty(items(IncomingMessage)),
  block: Block,
  epoch: u64,
  maxMessages: u32,
}) {}

/** What the execution of a round produced. */
export class ComputedBatch extends struct("ComputedBatch", {
  header: ComputeResultsHeader,
  /** Outputs and tags; the inputs are in `txInputWriteLog`. */
  ioWriteLog: WriteLog,
  stateWriteLog: WriteLog,
  rakSig: Signature,
  messages: items(RuntimeMessage),
}) {}

export class RuntimeExecuteTxBatchResponse extends struct("RuntimeExecuteTxBatchResponse", {
  batch: ComputedBatch,
  /** In batch order. */
  txHashes: items(Hash),
  /** Transactions that the pool should forget. */
  txRejectHashes: items(Hash),
  txInputRoot: Hash,
  txInputWriteLog: WriteLog,
}) {}

export class RuntimeQueryRequest extends struct("RuntimeQueryRequest", {
  consensusBlock: LightBlock,
  header: Header,
  epoch: u64,
  maxMessages: u32,
  method: text({ max: 1024 }),
  args: omitEmpty(blob),
}) {}

export class RuntimeQueryResponse extends struct("RuntimeQueryResponse", { data: omitEmpty(blob) }) {}

/** Asks for more transactions while a batch is being scheduled. */
export class HostFetchTxBatchRequest extends struct("HostFetchTxBatchRequest", {
  /** Hash of the last transaction seen; 32 bytes, or empty for none. */
  offset: omitEmpty(blob),
  limit: u32,
}) {}

export class HostFetchTxBatchResponse extends struct("HostFetchTxBatchResponse", { batch: omitEmpty(items(blob)) }) {}
