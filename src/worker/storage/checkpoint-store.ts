import { compareBytes, equalBytes, toHex } from "#common/bytes.js";
import type { Disk } from "#common/ports/disk.js";
import { CheckpointStore } from "#consensus/checkpoints/store.js";
import { checkpointErrors } from "#mkvs/checkpoint/errors.js";
import { CHECKPOINT_V1, type CheckpointMetadata, type ChunkMetadata } from "#mkvs/checkpoint/metadata.js";
import { type Root, ROOT_IO, ROOT_STATE } from "#mkvs/node/root.js";

/** The types of trees that a round has; a checkpoint of a round has one of each. */
export const ROUND_ROOT_TYPES = [ROOT_STATE, ROOT_IO] as const;
type RootType = (typeof ROUND_ROOT_TYPES)[number];

/** The reference has a folder for each round, named in decimal digits, and in it one for each root. */
function byPath({ root: a }: CheckpointMetadata, { root: b }: CheckpointMetadata): number {
  if (a.version === b.version) return compareBytes(a.hash, b.hash);
  return `${a.version}` < `${b.version}` ? -1 : 1;
}

/** Checkpoints of a runtime's rounds on the node's disk, two for each: state, and inputs and outputs. */
export class RoundCheckpoints {
  private readonly stores: ReadonlyMap<number, CheckpointStore>;

  constructor(
    private readonly disk: Disk,
    runtimeId: Uint8Array,
  ) {
    const name = `runtime/${toHex(runtimeId)}`;
    this.stores = new Map([
      [ROOT_STATE, new CheckpointStore(disk, `${name}/state-`)],
      [ROOT_IO, new CheckpointStore(disk, `${name}/io-`)],
    ]);
  }

  private store(type: number): CheckpointStore | undefined {
    return this.stores.get(type);
  }

  /** Rounds that have both checkpoints, ascending. */
  rounds(): bigint[] {
    const io = new Set(this.of(ROOT_IO).versions());
    return this.of(ROOT_STATE)
      .versions()
      .filter((round) => io.has(round));
  }

  private of(type: RootType): CheckpointStore {
    return this.stores.get(type) as CheckpointStore;
  }

  /** All checkpoints, or those of one round, in the order in which the reference lists them. */
  list(round?: bigint): CheckpointMetadata[] {
    const found = ROUND_ROOT_TYPES.flatMap((type) => {
      const store = this.of(type);
      if (round === undefined) return store.list();
      const one = store.get(round);
      return one === undefined ? [] : [one];
    });
    return found.sort(byPath);
  }

  /**
   * One compressed chunk.
   *
   * @throws chunkNotFound
   */
  chunk({ version, root, index, digest }: ChunkMetadata): Uint8Array {
    const store = version === CHECKPOINT_V1 ? this.store(root.type) : undefined;
    const known = store?.get(root.version);
    const matches =
      known !== undefined &&
      equalBytes(known.root.hash, root.hash) &&
      equalBytes(known.root.namespace, root.namespace) &&
      index < BigInt(known.chunks.length) &&
      equalBytes(known.chunks[Number(index)] ?? digest, digest);
    const chunk = matches ? store?.chunk(root.version, Number(index)) : undefined;
    if (chunk === undefined) throw checkpointErrors.chunkNotFound(`round ${root.version}, chunk ${index}`);
    return chunk;
  }

  /** Keeps a chunk of a checkpoint that is not complete yet. */
  putPart(root: Root, index: number, chunk: Uint8Array): void {
    this.store(root.type)?.putChunk(root.version, index, chunk);
  }

  /** A chunk that `putPart` kept, perhaps before a restart; undefined when there is none. */
  part(root: Root, index: number): Uint8Array | undefined {
    return this.store(root.type)?.part(root.version, index);
  }

  /** Makes the checkpoints of a round visible, all of whose chunks are kept. */
  complete(checkpoints: readonly CheckpointMetadata[]): void {
    this.disk.batch(() => {
      for (const checkpoint of checkpoints) this.store(checkpoint.root.type)?.complete(checkpoint);
    });
  }

  /** Deletes the checkpoints of a round, complete or not. */
  remove(round: bigint): void {
    this.disk.batch(() => {
      for (const store of this.stores.values()) store.remove(round);
    });
  }

  /** Deletes what was never completed. */
  sweep(): void {
    for (const store of this.stores.values()) store.sweep();
  }
}
