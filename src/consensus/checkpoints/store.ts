import { concatBytes, readU64be, u32be, u64be } from "#common/bytes.js";
import type { Disk, DiskTable } from "#common/ports/disk.js";
import { CheckpointMetadata } from "#mkvs/checkpoint/metadata.js";

const LAST_INDEX = 0xffffffff;

function chunkKey(version: bigint, index: number): Uint8Array {
  return concatBytes(u64be(version), u32be(index));
}

/**
 * Checkpoints by version. One is there from the moment its description is: chunks are written before it and deleted
 * after it, so a process that is killed in between leaves at worst chunks that nobody sees.
 */
export class CheckpointStore {
  private readonly descriptions: DiskTable;
  private readonly chunks: DiskTable;

  /** @param prefix of the names of its tables, where a disk holds several */
  constructor(
    private readonly disk: Disk,
    prefix = "",
  ) {
    this.descriptions = disk.openTable(`${prefix}checkpoints`);
    this.chunks = disk.openTable(`${prefix}checkpoint-chunks`);
  }

  /** Versions that have a checkpoint, ascending. */
  versions(): bigint[] {
    return Array.from(this.descriptions.range(), ([key]) => readU64be(key));
  }

  /** All checkpoints, by version ascending. */
  list(): CheckpointMetadata[] {
    return Array.from(this.descriptions.range(), ([, bytes]) => CheckpointMetadata.decode(bytes, "trusted"));
  }

  get(version: bigint): CheckpointMetadata | undefined {
    const bytes = this.descriptions.get(u64be(version));
    return bytes === undefined ? undefined : CheckpointMetadata.decode(bytes, "trusted");
  }

  /** One compressed chunk; undefined when there is no such checkpoint or chunk. */
  chunk(version: bigint, index: number): Uint8Array | undefined {
    return this.descriptions.has(u64be(version)) ? this.chunks.get(chunkKey(version, index)) : undefined;
  }

  /** A compressed chunk of a checkpoint that may not be complete. */
  part(version: bigint, index: number): Uint8Array | undefined {
    return this.chunks.get(chunkKey(version, index));
  }

  putChunk(version: bigint, index: number, chunk: Uint8Array): void {
    this.chunks.put(chunkKey(version, index), chunk);
  }

  /** Makes the checkpoint visible, all of whose chunks have been put. */
  complete(metadata: CheckpointMetadata): void {
    this.descriptions.put(u64be(metadata.root.version), CheckpointMetadata.encode(metadata));
  }

  /** Deletes a checkpoint. */
  remove(version: bigint): void {
    this.disk.batch(() => {
      this.descriptions.delete(u64be(version));
      this.removeChunks(version);
    });
  }

  private removeChunks(version: bigint): void {
    const bounds = { gte: chunkKey(version, 0), lte: chunkKey(version, LAST_INDEX), limit: 1 };
    // One at a time: a scan copies what it finds, and chunks are large.
    for (let found = this.firstKey(bounds); found !== undefined; found = this.firstKey(bounds)) {
      this.chunks.delete(found);
    }
  }

  private firstKey(bounds: { gte: Uint8Array; lte?: Uint8Array }): Uint8Array | undefined {
    for (const [key] of this.chunks.range({ ...bounds, limit: 1 })) return key;
    return undefined;
  }

  /** Deletes the chunks of checkpoints that were never completed. */
  sweep(): void {
    let from = 0n;
    for (;;) {
      const key = this.firstKey({ gte: chunkKey(from, 0) });
      if (key === undefined) return;
      const version = readU64be(key);
      if (!this.descriptions.has(u64be(version))) this.remove(version);
      from = version + 1n;
    }
  }
}
