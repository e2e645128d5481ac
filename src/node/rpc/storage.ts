import { toHex } from "#common/bytes.js";
import { type CodedError, unknown } from "#common/errors/index.js";
import type { Handlers } from "#common/rpc/index.js";
import { CHECKPOINT_V1 } from "#mkvs/checkpoint/metadata.js";
import { Root } from "#mkvs/node/root.js";
import { NodeDbSyncer, type ReadSyncer } from "#mkvs/sync.js";
import { ROUND_LATEST } from "#runtime/history/block-history.js";
import type { RuntimeStorage } from "#worker/runtime-storage.js";
import { storageWorkerErrors } from "#worker/storage/errors.js";
import { ioRootOf, stateRootOf } from "#worker/storage/round-roots.js";
import type { LastSyncedRound, storageMethods, storageWorkerMethods } from "#worker/storage/rpc.js";
import { diffOf } from "#worker/storage/serve.js";
import type { Node } from "../node.js";
import { diffItems } from "./diff-items.js";
import { orNull } from "./or-null.js";

/** Bytes of a chunk that one item of a stream holds. */
const CHUNK_PART_BYTES = 32 * 1024;

/** The error of methods that look a runtime up among those that the node knows. */
export function runtimeNotFound(runtimeId: Uint8Array): CodedError {
  return unknown(`runtime/registry: runtime ${toHex(runtimeId)} not found`);
}

function storageOf(node: Node, runtimeId: Uint8Array): RuntimeStorage {
  const storage = node.storage(runtimeId);
  if (storage === undefined) throw runtimeNotFound(runtimeId);
  return storage;
}

/** The trees of the runtime that a request is about. */
export function syncerOf(node: Node, root: Root): ReadSyncer {
  return new NodeDbSyncer(storageOf(node, root.namespace).db);
}

/** Methods that read trees, write logs and checkpoints of the node's runtimes. */
export function storageHandlers(node: Node): Handlers<(typeof storageMethods)["methods"]> {
  return {
    SyncGet: (request) => syncerOf(node, request.tree.root).syncGet(request),
    SyncGetPrefixes: (request) => syncerOf(node, request.tree.root).syncGetPrefixes(request),
    SyncIterate: (request) => syncerOf(node, request.tree.root).syncIterate(request),
    GetCheckpoints({ version, namespace, rootVersion }) {
      const { checkpoints } = storageOf(node, namespace);
      return version === CHECKPOINT_V1 ? orNull(checkpoints.list(rootVersion)) : [];
    },
    async *GetDiff({ startRoot, endRoot, options }) {
      yield* diffItems(diffOf(storageOf(node, startRoot.namespace).db, startRoot, endRoot), options);
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
