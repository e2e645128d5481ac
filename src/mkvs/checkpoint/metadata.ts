/** What describes checkpoints on the wire (mkvs: checkpoints). */
import { InvalidInput } from "#common/errors/index.js";
import { Hash, hash } from "#common/hash.js";
import { list, struct, u16, u64 } from "#common/schema/index.js";
import { Root, ROOT_IO, ROOT_STATE } from "../node/root.js";
import { checkpointErrors } from "./errors.js";

/** The only version of checkpoints; their chunks are proofs of version 0. */
export const CHECKPOINT_V1 = 1;

/** Most chunks of a checkpoint that is accepted. */
const MAX_CHUNKS = 1_000_000;

/** One chunk: which part of which tree, and the hash of its compressed bytes. */
export class ChunkMetadata extends struct("ChunkMetadata", { version: u16, root: Root, index: u64, digest: Hash }) {}

/** A checkpoint: its tree and the hashes of its chunks' compressed bytes. */
export class CheckpointMetadata extends struct("Metadata", {
  version: u16,
  root: Root,
  chunks: list(Hash, { max: MAX_CHUNKS }),
}) {}

/** What identifies a checkpoint: equal only for the same tree, chunk size and number of threads. */
export function checkpointId(metadata: CheckpointMetadata): Uint8Array {
  return hash(CheckpointMetadata.encode(metadata));
}

/** @throws InvalidInput when no checkpoint can look like this */
export function checkCheckpoint(metadata: CheckpointMetadata): void {
  const { root, chunks } = metadata;
  if (root.type !== ROOT_STATE && root.type !== ROOT_IO) {
    throw new InvalidInput("checkpoint.root", `there is no root type ${root.type}`);
  }
  if (chunks.length === 0) {
    throw new InvalidInput("checkpoint.chunks", "a checkpoint has at least one chunk");
  }
}

/** @throws chunkNotFound when the checkpoint has no such chunk */
export function chunkMetadata(metadata: CheckpointMetadata, index: number): ChunkMetadata {
  const digest = metadata.chunks[index];
  if (digest === undefined) {
    throw checkpointErrors.chunkNotFound(`chunk ${index} of ${metadata.chunks.length}`);
  }
  return { version: metadata.version, root: metadata.root, index: BigInt(index), digest };
}
