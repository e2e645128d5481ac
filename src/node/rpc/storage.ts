import { toHex } from "#common/bytes.js";
import { CodedError, unknown } from "#common/errors/index.js";
import type { Handlers } from "#common/rpc/index.js";
import { CHECKPOINT_V1 } from "#mkvs/checkpoint/metadata.js";
import { Root } from "#mkvs/node/root.js";
import type { GetPrefixesRequest, GetRequest, IterateRequest, ProofResponse, TreeId } from "#mkvs/proof/proof.js";
import { NodeDbSyncer, type ReadSyncer } from "#mkvs/sync.js";
import { ROUND_LATEST } from "#runtime/history/block-history.js";
import type { RuntimeStorage } from "#worker/runtime-storage.js";
import { isGone } from "#worker/storage/diff-fetcher.js";
import { storageWorkerErrors } from "#worker/storage/errors.js";
import type { PublicStorage } from "#worker/storage/public-storage.js";
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

/** Answers from the node's own trees, or from those of peers where a tree is not here, or not any more. */
async function read(
  { db, peers }: RuntimeStorage,
  own: (syncer: ReadSyncer) => ProofResponse,
  others: (peers: PublicStorage) => Promise<ProofResponse | undefined>,
): Promise<ProofResponse> {
  try {
    return own(new NodeDbSyncer(db));
  } catch (error) {
    const found = error instanceof CodedError && isGone(error) ? await others(peers) : undefined;
    if (found === undefined) throw error;
    return found;
  }
}

/** Reads with proofs, as the storage service and the runtime client offer them. */
export interface TreeReads {
  get(request: GetRequest): Promise<ProofResponse>;
  getPrefixes(request: GetPrefixesRequest): Promise<ProofResponse>;
  iterate(request: IterateRequest): Promise<ProofResponse>;
}

/** Reads with proofs of the trees of the runtimes that a node knows. */
export function treeReads(node: Node): TreeReads {
  const of = ({ tree }: { readonly tree: TreeId }): RuntimeStorage => storageOf(node, tree.root.namespace);
  return {
    get: (q) =>
      read(
        of(q),
        (own) => own.syncGet(q),
        (peers) => peers.get(q),
      ),
    getPrefixes: (q) =>
      read(
        of(q),
        (own) => own.syncGetPrefixes(q),
        (peers) => peers.getPrefixes(q),
      ),
    iterate: (q) =>
      read(
        of(q),
        (own) => own.syncIterate(q),
        (peers) => peers.iterate(q),
      ),
  };
}

/** Methods that read trees, write logs and checkpoints of the node's runtimes. */
export function storageHandlers(node: Node): Handlers<(typeof storageMethods)["methods"]> {
  const reads = treeReads(node);
  return {
    SyncGet: reads.get,
    SyncGetPrefixes: reads.getPrefixes,
    SyncIterate: reads.iterate,
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
