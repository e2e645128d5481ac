/** Checkpoints as the engine's snapshots (consensus: snapshots). */
import { equalBytes } from "#common/bytes.js";
import { CodedError, DecodeError, InvalidInput } from "#common/errors/index.js";
import { hash } from "#common/hash.js";
import { checkpointErrors } from "#mkvs/checkpoint/errors.js";
import { CHECKPOINT_V1, checkCheckpoint, checkpointId, CheckpointMetadata } from "#mkvs/checkpoint/metadata.js";
import { CheckpointRestorer } from "#mkvs/checkpoint/restorer.js";
import type { NodeDb } from "#mkvs/db/node-db.js";

/** A snapshot as peers offer it to one another. */
export interface Snapshot {
  readonly height: bigint;
  readonly format: number;
  readonly chunks: number;
  /** Hash of the metadata, 32 bytes. */
  readonly hash: Uint8Array;
  /** CBOR of the checkpoint's description. */
  readonly metadata: Uint8Array;
}

export function snapshotOf(checkpoint: CheckpointMetadata): Snapshot {
  return {
    height: checkpoint.root.version,
    format: checkpoint.version,
    chunks: checkpoint.chunks.length,
    hash: checkpointId(checkpoint),
    metadata: CheckpointMetadata.encode(checkpoint),
  };
}

export type OfferAnswer = "accept" | "reject" | "reject-format";
/** "complete": the state is there; "retry": ask another peer for the chunk; "reject": the snapshot is no good. */
export type ChunkAnswer = "accept" | "complete" | "retry" | "reject";

/** Restores the state from a snapshot into an empty database. */
export class SnapshotRestorer {
  private readonly restorer: CheckpointRestorer;

  constructor(private readonly db: NodeDb) {
    this.restorer = new CheckpointRestorer(db);
  }

  /** @param appHash that of the verified header after the snapshot's height */
  offer(snapshot: Snapshot, appHash: Uint8Array): OfferAnswer {
    if (snapshot.format !== CHECKPOINT_V1) return "reject-format";
    if (!equalBytes(hash(snapshot.metadata), snapshot.hash)) return "reject";
    let checkpoint: CheckpointMetadata;
    try {
      checkpoint = CheckpointMetadata.decode(snapshot.metadata);
      checkCheckpoint(checkpoint);
    } catch (error) {
      if (error instanceof DecodeError || error instanceof InvalidInput) return "reject";
      throw error;
    }
    if (checkpoint.chunks.length !== snapshot.chunks || !equalBytes(checkpoint.root.hash, appHash)) return "reject";
    if (this.restorer.current !== undefined) this.abort();
    this.db.startMultipart(checkpoint.root.version);
    this.restorer.start(checkpoint);
    return "accept";
  }

  /** Gives the restoration up. */
  abort(): void {
    this.restorer.abort();
    this.db.abortMultipart();
  }

  /** Takes a chunk of the accepted snapshot; the last one makes the state final. */
  apply(index: number, chunk: Uint8Array): ChunkAnswer {
    const checkpoint = this.restorer.current;
    if (checkpoint === undefined) return "reject";
    try {
      if (!this.restorer.restoreChunk(index, chunk)) return "accept";
    } catch (error) {
      if (checkpointErrors.corrupted.is(error)) return "retry";
      if (checkpointErrors.chunkAlreadyRestored.is(error)) return "accept";
      if (!(error instanceof CodedError)) throw error;
      this.abort();
      return "reject";
    }
    this.db.finalize([checkpoint.root]);
    return "complete";
  }
}
