/** Makes checkpoints (mkvs: checkpoints). */
import { hash } from "#common/hash.js";
import type { NodeDb } from "../db/node-db.js";
import type { Root } from "../node/root.js";
import { NodeTree } from "../tree/node-tree.js";
import { CHECKPOINT_V1, type CheckpointMetadata } from "./metadata.js";
import { parallelChunks } from "./parallel.js";
import { sequentialChunks } from "./sequential.js";

export interface CheckpointOptions {
  /** Bytes of entries after which a chunk ends; 8 MiB on the main network. */
  readonly chunkSize: number;
  /** 0 for the sequential chunker; otherwise how many subtrees the parallel one works on. */
  readonly threads: number;
}

/**
 * Cuts a tree of a database into chunks.
 *
 * @param take receives each compressed chunk, in order
 * @throws the errors of `NodeDb.loadRoot`
 */
export function createCheckpoint(
  db: NodeDb,
  root: Root,
  { chunkSize, threads }: CheckpointOptions,
  take: (index: number, chunk: Uint8Array) => void,
): CheckpointMetadata {
  const chunks: Uint8Array[] = [];
  for (const chunk of checkpointChunks(db, root, { chunkSize, threads })) {
    take(chunks.length, chunk);
    chunks.push(hash(chunk));
  }
  return { version: CHECKPOINT_V1, root, chunks };
}

/**
 * The chunks of a tree one at a time. Between two of them the database may go on, as long as it holds the tree.
 *
 * @throws the errors of `NodeDb.loadRoot`
 */
export function checkpointChunks(
  db: NodeDb,
  root: Root,
  { chunkSize, threads }: CheckpointOptions,
): Iterable<Uint8Array> {
  return threads === 0 ? sequential(db, root, chunkSize) : parallel(db, root, chunkSize, threads);
}

function sequential(db: NodeDb, root: Root, chunkSize: number): Iterable<Uint8Array> {
  const reader = db.openReader(root);
  reader.readAhead?.();
  return sequentialChunks(reader, chunkSize);
}

function parallel(db: NodeDb, root: Root, chunkSize: number, threads: number): Iterable<Uint8Array> {
  return parallelChunks(new NodeTree(db, db.loadRoot(root)), root.hash, chunkSize, threads);
}
