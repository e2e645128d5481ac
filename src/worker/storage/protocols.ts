/** Protocols by which peers give one another the trees of a runtime (runtime layer: P2P). */
import { Hash } from "#common/hash.js";
import { FRAME_BYTES } from "#common/limits.js";
import { bytes, list, named, omitEmpty, struct, u16, u64 } from "#common/schema/index.js";
import { CheckpointMetadata } from "#mkvs/checkpoint/metadata.js";
import { Root } from "#mkvs/node/root.js";
import { GetPrefixesRequest, GetRequest, IterateRequest, ProofResponse } from "#mkvs/proof/proof.js";
import { WriteLog } from "#mkvs/write-log.js";
import { defineProtocol } from "#p2p/protocol.js";

/** How long a peer may take for a diff, and for a chunk, in milliseconds. */
const DIFF_DEADLINE_MS = 15_000;
const CHUNK_DEADLINE_MS = 60_000;
/** Most checkpoints that a peer may list. */
const MAX_CHECKPOINTS = 4096;

class GetDiffRequest extends struct("GetDiffRequest", { startRoot: Root, endRoot: Root }) {}

class GetDiffResponse extends struct("GetDiffResponse", { writeLog: named("write_log", omitEmpty(WriteLog)) }) {}

class PeerCheckpointsRequest extends struct("GetCheckpointsRequest", { version: u16 }) {}

class PeerCheckpointsResponse extends struct("GetCheckpointsResponse", {
  checkpoints: omitEmpty(list(CheckpointMetadata, { max: MAX_CHECKPOINTS })),
}) {}

class PeerChunkRequest extends struct("GetCheckpointChunkRequest", {
  version: u16,
  root: Root,
  index: u64,
  digest: Hash,
}) {}

class PeerChunkResponse extends struct("GetCheckpointChunkResponse", {
  chunk: omitEmpty(bytes({ max: FRAME_BYTES })),
}) {}

const DIFFS = {
  GetDiff: { request: GetDiffRequest, response: GetDiffResponse, deadlineMs: DIFF_DEADLINE_MS },
} as const;

const CHECKPOINTS = {
  GetCheckpoints: { request: PeerCheckpointsRequest, response: PeerCheckpointsResponse },
  GetCheckpointChunk: { request: PeerChunkRequest, response: PeerChunkResponse, deadlineMs: CHUNK_DEADLINE_MS },
} as const;

export const DIFF_SYNC = defineProtocol("diffsync", { major: 1, minor: 0, patch: 0 }, DIFFS);
export const CHECKPOINT_SYNC = defineProtocol("checkpointsync", { major: 1, minor: 0, patch: 0 }, CHECKPOINTS);
/** The older protocol, which has the methods of both. */
export const STORAGE_SYNC = defineProtocol(
  "storagesync",
  { major: 2, minor: 0, patch: 0 },
  { ...DIFFS, ...CHECKPOINTS },
);
/** Reading trees with proofs; only nodes with the role for it serve it. */
export const STORAGE_PUB = defineProtocol(
  "storagepub",
  { major: 2, minor: 0, patch: 0 },
  {
    Get: { request: GetRequest, response: ProofResponse },
    GetPrefixes: { request: GetPrefixesRequest, response: ProofResponse },
    Iterate: { request: IterateRequest, response: ProofResponse },
  },
);
