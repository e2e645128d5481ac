import { equalBytes, toHex } from "#common/bytes.js";
import { unknown } from "#common/errors/index.js";
import type { Handlers } from "#common/rpc/index.js";
import { CHECKPOINT_V1 } from "#mkvs/checkpoint/metadata.js";
import { Root } from "#mkvs/node/root.js";
import { NodeDbSyncer, type ReadSyncer } from "#mkvs/sync.js";
import type { WriteLog } from "#mkvs/write-log.js";
import { ROUND_LATEST } from "#runtime/history/block-history.js";
import type { RuntimeStorage } from "#worker/runtime-storage.js";
import { storageWorkerErrors } from "#worker/storage/errors.js";
import { ioRootOf, stateRootOf } from "#worker/storage/round-roots.js";
import type {
  LastSyncedRound,
  storageMethods,
  storageWorkerMethods,
  SyncChunk,
  SyncOptions,
} from "#worker/storage/rpc.js";
import { diffOf } from "#worker/storage/serve.js";
import type { Node } from "../node.js";

/** Entries of a write log that one item of a stream holds. */
const DIFF_ENTRIES = 10;
/** Bytes of a chunk that one item of a stream holds. */
const CHUNK_PART_BYTES = 32 * 1024;

function storageOf(node: Node, runtimeId: Uint8Array): RuntimeStorage {
  const storage = node.storage(runtimeId);
  if (storage === undefined) throw unknown(`storage: runtime ${toHex(runtimeId)} is not supported by this node`);
  return storage;
}

/** The trees of the runtime that a request is about. */
export function syncerOf(node: Node, root: Root): ReadSyncer {
  return new NodeDbSyncer(storageOf(node, root.namespace).db);
}

/** The entries after the one with the offset key; none when there is no such key. */
function entriesFrom(log: WriteLog, offsetKey: Uint8Array): WriteLog {
  if (offsetKey.length === 0) return log;
  const at = log.findIndex(([key]) => equalBytes(key, offsetKey));
  return at < 0 ? [] : log.slice(at + 1);
}

/**
 * A write log in items of ten entries. As in the reference the last item is only marked as such when the log ends within
 * it: one that is full is followed by an empty one, and one that ends at the limit by nothing.
 */
async function* inParts(log: WriteLog, { offsetKey, limit }: SyncOptions): AsyncGenerator<SyncChunk, void, void> {
  const entries = entriesFrom(log, offsetKey ?? new Uint8Array(0));
  for (let at = 0; ; ) {
    const room = limit === 0n ? DIFF_ENTRIES : Math.min(DIFF_ENTRIES, Number(limit) - at);
    const part = entries.slice(at, at + room);
    at += part.length;
    const final = part.length < room;
    yield { final, writeLog: part.length === 0 ? null : part };
    if (final || (limit > 0n && BigInt(at) >= limit)) return;
  }
}

/** Methods that read trees, write logs and checkpoints of the node's runtimes. */
export function storageHandlers(node: Node): Handlers<(typeof storageMethods)["methods"]> {
  return {
    SyncGet: (request) => syncerOf(node, request.tree.root).syncGet(request),
    SyncGetPrefixes: (request) => syncerOf(node, request.tree.root).syncGetPrefixes(request),
    SyncIterate: (request) => syncerOf(node, request.tree.root).syncIterate(request),
    GetCheckpoints({ version, namespace, rootVersion }) {
      return version === CHECKPOINT_V1 ? storageOf(node, namespace).checkpoints.list(rootVersion) : [];
    },
    async *GetDiff({ startRoot, endRoot, options }) {
      yield* inParts(diffOf(storageOf(node, endRoot.namespace).db, startRoot, endRoot), options);
    },
    async *GetCheckpointChunk(wanted) {
      const chunk = storageOf(node, wanted.root.namespace).checkpoints.chunk(wanted);
      for (let at = 0; at < chunk.length; at += CHUNK_PART_BYTES) yield chunk.subarray(at, at + CHUNK_PART_BYTES);
    },
  };
}

function lastSynced({ history }: RuntimeStorage): LastSyncedRound {
  const header = history.block(ROUND_LATEST)?.header;
  if (header === undefined) return { round: ROUND_LATEST, ioRoot: Root.zero(), stateRoot: Root.zero() };
  return { round: header.round, ioRoot: ioRootOf(header), stateRoot: stateRootOf(header) };
}

/**
 * Methods that look after storage.
 *
 * @param debug whether methods are allowed that only development needs
 */
export function storageWorkerHandlers(node: Node, debug: boolean): Handlers<(typeof storageWorkerMethods)["methods"]> {
  const worker = (id: Uint8Array): RuntimeStorage => {
    const storage = node.storage(id);
    if (storage === undefined) throw storageWorkerErrors.runtimeNotFound();
    return storage;
  };
  return {
    GetLastSyncedRound: ({ runtimeId }) => lastSynced(worker(runtimeId)),
    PauseCheckpointer({ runtimeId, pause }) {
      const { checkpointer } = worker(runtimeId);
      if (!debug) throw storageWorkerErrors.cannotPauseCheckpointer();
      checkpointer.pause(pause);
      return null;
    },
  };
}
