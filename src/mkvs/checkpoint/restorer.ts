/** Restores checkpoints into a node database (mkvs: checkpoints). */
import { equalBytes } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { hash } from "#common/hash.js";
import type { NodeDb, PartLeaves } from "../db/node-db.js";
import type { Root } from "../node/root.js";
import { provenLeaves } from "./chunk-tree.js";
import { checkpointErrors } from "./errors.js";
import { checkCheckpoint, type CheckpointMetadata, chunkMetadata } from "./metadata.js";

/**
 * Takes the chunks of one checkpoint at a time. The database's multipart insertion is the caller's: it is started before
 * the first chunk, and after the last one the root is finalised.
 */
export class CheckpointRestorer {
  readonly #db: NodeDb;
  #current: CheckpointMetadata | undefined;
  #pending = new Set<number>();

  constructor(db: NodeDb) {
    this.#db = db;
  }

  /** The checkpoint that is being restored. */
  get current(): CheckpointMetadata | undefined {
    return this.#current;
  }

  /** Chunks that are still to come, in no particular order. */
  get pending(): readonly number[] {
    return [...this.#pending];
  }

  /** @throws restoreInProgress; InvalidInput for a description that no checkpoint can have */
  start(checkpoint: CheckpointMetadata): void {
    if (this.#current !== undefined) {
      throw checkpointErrors.restoreInProgress();
    }
    checkCheckpoint(checkpoint);
    this.#current = checkpoint;
    this.#pending = new Set(checkpoint.chunks.keys());
  }

  /** Gives the checkpoint up; what the database has got of it is the caller's to drop. */
  abort(): void {
    this.#current = undefined;
    this.#pending.clear();
  }

  /**
   * Checks a chunk and hands its leaves to the database.
   *
   * @param chunk compressed bytes as a peer sent them
   * @returns whether it was the last one: the checkpoint is then complete
   * @throws noRestoreInProgress, chunkNotFound, chunkAlreadyRestored; corrupted (ask another peer); proofVerificationFailed
   *   (the checkpoint itself is wrong and has been given up)
   */
  restoreChunk(index: number, chunk: Uint8Array): boolean {
    const checkpoint = this.#current;
    if (checkpoint === undefined) {
      throw checkpointErrors.noRestoreInProgress();
    }
    const { root, digest } = chunkMetadata(checkpoint, index);
    if (!this.#pending.has(index)) {
      throw checkpointErrors.chunkAlreadyRestored(`chunk ${index}`);
    }
    if (!equalBytes(hash(chunk), digest)) {
      throw checkpointErrors.corrupted(`chunk ${index} does not have its digest`);
    }
    this.#db.insertPart(root, this.#verified(root, chunk));
    this.#pending.delete(index);
    if (this.#pending.size > 0) {
      return false;
    }
    this.#current = undefined;
    return true;
  }

  #verified(root: Root, chunk: Uint8Array): PartLeaves {
    try {
      return provenLeaves(root.hash, chunk);
    } catch (error) {
      if (error instanceof DecodeError) {
        this.abort();
        throw checkpointErrors.proofVerificationFailed(error.message);
      }
      throw error;
    }
  }
}
