/** Protocols by which peers fetch what a round changed (runtime layer: P2P). */
import { named, omitEmpty, struct } from "#common/schema/index.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import { isEmptyRoot, Root } from "#mkvs/node/root.js";
import { nodeDbErrors } from "#mkvs/errors.js";
import { WriteLog } from "#mkvs/write-log.js";
import type { P2pHost } from "#p2p/host.js";
import { defineProtocol, type PeerHandlers, protocolId, servePeers } from "#p2p/protocol.js";

export class GetDiffRequest extends struct("GetDiffRequest", { startRoot: Root, endRoot: Root }) {}

class GetDiffResponse extends struct("GetDiffResponse", { writeLog: named("write_log", omitEmpty(WriteLog)) }) {}

/** How long a peer may take for a diff, in milliseconds. */
const DIFF_DEADLINE_MS = 15_000;

const METHODS = {
  GetDiff: { request: GetDiffRequest, response: GetDiffResponse, deadlineMs: DIFF_DEADLINE_MS },
} as const;

export const DIFF_SYNC = defineProtocol("diffsync", { major: 1, minor: 0, patch: 0 }, METHODS);
/** The older protocol, of which only the same method is used. */
export const STORAGE_SYNC = defineProtocol("storagesync", { major: 2, minor: 0, patch: 0 }, METHODS);

/** Lets peers fetch diffs from a database, by either protocol. Returns what ends it. */
export function serveDiffs(p2p: P2pHost, chainContext: string, runtimeId: Uint8Array, db: NodeDb): () => void {
  const handlers: PeerHandlers<typeof METHODS> = {
    GetDiff({ startRoot, endRoot }) {
      if (isEmptyRoot(endRoot) && isEmptyRoot(startRoot)) return { writeLog: [] };
      if (!db.hasRoot(endRoot)) throw nodeDbErrors.rootNotFound();
      return { writeLog: db.getWriteLog(startRoot, endRoot) };
    },
  };
  const ends = [DIFF_SYNC, STORAGE_SYNC].map((protocol) =>
    servePeers(p2p, protocolId(chainContext, protocol, runtimeId), protocol, handlers),
  );
  return () => {
    for (const end of ends) end();
  };
}
