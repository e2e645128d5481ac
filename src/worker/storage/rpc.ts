/** Methods by which clients read a node's trees, and by which operators look after them (runtime layer: gRPC). */
import { FRAME_BYTES } from "#common/limits.js";
import { Namespace } from "#common/namespace.js";
import { defineMethods, stream, unary } from "#common/rpc/index.js";
import { bool, bytes, list, named, nothing, nullable, optional, struct, text, u16, u64 } from "#common/schema/index.js";
import { CheckpointMetadata, ChunkMetadata } from "#mkvs/checkpoint/metadata.js";
import { MAX_KEY_BYTES } from "#mkvs/key-value.js";
import { Root } from "#mkvs/node/root.js";
import { GetPrefixesRequest, GetRequest, IterateRequest, ProofResponse } from "#mkvs/proof/proof.js";
import { WriteLog } from "#mkvs/write-log.js";

/** Most checkpoints of an answer. */
const MAX_CHECKPOINTS = 65_536;

/** Asks for descriptions of checkpoints: of all rounds, or of one. */
export class GetCheckpointsRequest extends struct("GetCheckpointsRequest", {
  version: u16,
  namespace: Namespace,
  rootVersion: optional(u64),
}) {}

/** Where a write log begins, after a key of it, and how many entries are wanted; all when 0. */
export class SyncOptions extends struct("SyncOptions", {
  offsetKey: nullable(bytes({ max: MAX_KEY_BYTES })),
  limit: u64,
}) {}

/** Asks for what turns one tree into another. */
export class StorageDiffRequest extends struct("GetDiffRequest", {
  startRoot: Root,
  endRoot: Root,
  options: SyncOptions,
}) {}

/** Part of a write log, and whether it is the last. */
export class SyncChunk extends struct("SyncChunk", {
  final: bool,
  writeLog: named("writelog", nullable(WriteLog)),
}) {}

export const storageMethods = defineMethods("Storage", {
  SyncGet: unary(GetRequest, ProofResponse),
  SyncGetPrefixes: unary(GetPrefixesRequest, ProofResponse),
  SyncIterate: unary(IterateRequest, ProofResponse),
  GetCheckpoints: unary(GetCheckpointsRequest, nullable(list(CheckpointMetadata, { max: MAX_CHECKPOINTS }))),
  GetDiff: stream(StorageDiffRequest, SyncChunk),
  GetCheckpointChunk: stream(ChunkMetadata, bytes({ max: FRAME_BYTES })),
});

export class LastSyncedRoundRequest extends struct("GetLastSyncedRoundRequest", { runtimeId: Namespace }) {}

/** The last round whose trees are here; 2^64-1 and no roots before the first. */
export class LastSyncedRound extends struct("GetLastSyncedRoundResponse", {
  round: u64,
  ioRoot: Root,
  stateRoot: Root,
}) {}

/** What the storage worker is doing, e.g. "syncing rounds"; the round is 2^64-1 before the first. */
export class StorageWorkerStatus extends struct("Status", {
  status: text({ max: 256 }),
  lastFinalizedRound: u64,
}) {}

export class PauseCheckpointerRequest extends struct("PauseCheckpointerRequest", {
  runtimeId: Namespace,
  pause: bool,
}) {}

export const storageWorkerMethods = defineMethods("StorageWorker", {
  GetLastSyncedRound: unary(LastSyncedRoundRequest, LastSyncedRound),
  PauseCheckpointer: unary(PauseCheckpointerRequest, nothing),
});
