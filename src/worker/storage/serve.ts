import { CHECKPOINT_V1 } from "#mkvs/checkpoint/metadata.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import { isEmptyRoot, type Root } from "#mkvs/node/root.js";
import { NodeDbSyncer } from "#mkvs/sync.js";
import type { WriteLog } from "#mkvs/write-log.js";
import type { P2pHost } from "#p2p/host.js";
import { type PeerHandlers, type PeerProtocol, protocolId, servePeers } from "#p2p/protocol.js";
import type { RoundCheckpoints } from "./checkpoint-store.js";
import { CHECKPOINT_SYNC, DIFF_SYNC, STORAGE_PUB, STORAGE_SYNC } from "./protocols.js";

export interface ServeOptions {
  readonly p2p: P2pHost;
  /** Hexadecimal hash of the genesis document. */
  readonly chainContext: string;
  /** 32 bytes. */
  readonly runtimeId: Uint8Array;
  readonly db: NodeDb;
  readonly checkpoints: RoundCheckpoints;
  /** Whether others may read trees too, which takes a role of its own. */
  readonly public: boolean;
}

type DiffHandlers = PeerHandlers<(typeof DIFF_SYNC)["methods"]>;
type CheckpointHandlers = PeerHandlers<(typeof CHECKPOINT_SYNC)["methods"]>;
type PublicHandlers = PeerHandlers<(typeof STORAGE_PUB)["methods"]>;

/**
 * What turns one tree into the other.
 *
 * @throws the errors of `NodeDb.getWriteLog`
 */
export function diffOf(db: NodeDb, start: Root, end: Root): WriteLog {
  if (isEmptyRoot(end) && isEmptyRoot(start)) return [];
  return db.getWriteLog(start, end);
}

function diffHandlers(db: NodeDb): DiffHandlers {
  return { GetDiff: ({ startRoot, endRoot }) => ({ writeLog: diffOf(db, startRoot, endRoot) }) };
}

function checkpointHandlers(checkpoints: RoundCheckpoints): CheckpointHandlers {
  return {
    GetCheckpoints: ({ version }) => ({ checkpoints: version === CHECKPOINT_V1 ? checkpoints.list() : [] }),
    GetCheckpointChunk: (chunk) => ({ chunk: checkpoints.chunk(chunk) }),
  };
}

function publicHandlers(db: NodeDb): PublicHandlers {
  const syncer = new NodeDbSyncer(db);
  return {
    Get: (request) => syncer.syncGet(request),
    GetPrefixes: (request) => syncer.syncGetPrefixes(request),
    Iterate: (request) => syncer.syncIterate(request),
  };
}

/** Lets peers fetch rounds and checkpoints of a runtime, by the present protocols and the older one. Returns what ends it. */
export function serveStorage(options: ServeOptions): () => void {
  const { p2p, chainContext, runtimeId, db, checkpoints } = options;
  const serve = <M>(protocol: PeerProtocol<M>, handlers: PeerHandlers<M>): (() => void) =>
    servePeers(p2p, protocolId(chainContext, protocol, runtimeId), protocol, handlers);
  const diffs = diffHandlers(db);
  const parts = checkpointHandlers(checkpoints);
  const ends = [
    serve(DIFF_SYNC, diffs),
    serve(CHECKPOINT_SYNC, parts),
    serve(STORAGE_SYNC, { ...diffs, ...parts }),
    ...(options.public ? [serve(STORAGE_PUB, publicHandlers(db))] : []),
  ];
  return () => {
    for (const end of ends) end();
  };
}
