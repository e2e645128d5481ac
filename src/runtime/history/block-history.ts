import { concatBytes, equalBytes, readU64be, toHex, u64be } from "#common/bytes.js";
import { Fault, InvalidInput } from "#common/errors/index.js";
import { EventHub, type Subscription } from "#common/event-hub.js";
import { Namespace } from "#common/namespace.js";
import type { Disk, DiskTable } from "#common/ports/disk.js";
import { i64, struct, u64 } from "#common/schema/index.js";
import { AnnotatedBlock, type Header } from "#consensus/services/roothash/types.js";

/** In place of a round: the latest one. */
export const ROUND_LATEST = 0xffffffffffffffffn;

const VERSION = 1n;
const META_KEY = Uint8Array.of(1);
const BLOCK = 2;
/** Most rounds that one pass of pruning removes. */
const PRUNE_PASS = 64;

class Meta extends struct("Meta", {
  runtimeId: Namespace,
  version: u64,
  lastConsensusHeight: i64,
  lastRound: u64,
}) {}

function blockKey(round: bigint): Uint8Array {
  return concatBytes(Uint8Array.of(BLOCK), u64be(round));
}

/** A block of a runtime at the consensus height at which it became final. */
export interface RecordedBlock {
  readonly height: bigint;
  readonly header: Header;
}

export interface HistoryOptions {
  /**
   * Whether a round counts as there only when `setSynced` said so, i.e. when the node keeps the runtime's storage and
   * follows it round by round.
   */
  readonly honorSync?: boolean;
}

/**
 * The finalized blocks of one runtime (node workers: history). Blocks are recorded in the order of their rounds, each
 * batch as a whole or not at all, so a killed process goes on where the record ends.
 */
export class BlockHistory {
  private readonly table: DiskTable;
  private readonly recorded = new EventHub<RecordedBlock>();
  private readonly synced = new EventHub<RecordedBlock>();
  private readonly honorSync: boolean;
  private meta: Meta;
  private syncedTo: bigint | undefined;

  /** @throws Fault when the records belong to another runtime or to another version of this program */
  constructor(
    private readonly disk: Disk,
    readonly runtimeId: Uint8Array,
    options: HistoryOptions = {},
  ) {
    this.honorSync = options.honorSync === true;
    this.table = disk.openTable(`history/${toHex(runtimeId)}`);
    const stored = this.table.get(META_KEY);
    this.meta =
      stored === undefined
        ? { runtimeId, version: VERSION, lastConsensusHeight: 0n, lastRound: 0n }
        : Meta.decode(stored, "trusted");
    if (this.meta.version !== VERSION) {
      throw new Fault(`runtime history has version ${this.meta.version}, supported is ${VERSION}`);
    }
    if (!equalBytes(this.meta.runtimeId, runtimeId)) {
      throw new Fault(`runtime history is that of ${toHex(this.meta.runtimeId)}`);
    }
  }

  /** Consensus height of the last recorded block; 0 before the first. The indexer goes on after it. */
  get lastHeight(): bigint {
    return this.meta.lastConsensusHeight;
  }

  /** The last recorded round; undefined before the first. */
  get lastRound(): bigint | undefined {
    return this.meta.lastConsensusHeight === 0n ? undefined : this.meta.lastRound;
  }

  /** The last round that counts as there. */
  get lastSyncedRound(): bigint | undefined {
    if (!this.honorSync) return this.lastRound;
    const recorded = this.lastRound;
    if (recorded === undefined || this.syncedTo === undefined) return undefined;
    return this.syncedTo < recorded ? this.syncedTo : recorded;
  }

  /**
   * Records finalized blocks, oldest first.
   *
   * @throws InvalidInput when a block is of another runtime, or its height or round is not beyond what is recorded
   */
  record(blocks: readonly RecordedBlock[]): void {
    if (blocks.length === 0) return;
    let meta = this.meta;
    for (const block of blocks) {
      this.checkFollows(block, meta);
      meta = { ...meta, lastRound: block.header.round, lastConsensusHeight: block.height };
    }
    this.disk.batch(() => {
      for (const { height, header } of blocks) {
        this.table.put(blockKey(header.round), AnnotatedBlock.encode({ height, block: { header } }));
      }
      this.table.put(META_KEY, Meta.encode(meta));
    });
    this.meta = meta;
    for (const block of blocks) {
      this.recorded.publish(block);
      if (!this.honorSync) this.synced.publish(block);
    }
  }

  private checkFollows({ height, header }: RecordedBlock, meta: Meta): void {
    if (!equalBytes(header.namespace, meta.runtimeId)) {
      throw new InvalidInput("namespace", `block of runtime ${toHex(header.namespace)}`);
    }
    if (height < 1n || height < meta.lastConsensusHeight) {
      throw new InvalidInput("height", `${height} is before ${meta.lastConsensusHeight}, which is recorded`);
    }
    if (meta.lastConsensusHeight !== 0n && header.round <= meta.lastRound) {
      throw new InvalidInput("round", `${header.round} is not after ${meta.lastRound}, which is recorded`);
    }
  }

  /**
   * Says that storage has everything up to a round.
   *
   * @throws Fault when the round is not recorded or lies before what was said earlier
   */
  setSynced(round: bigint): void {
    if (this.syncedTo !== undefined && round < this.syncedTo) {
      throw new Fault(`storage of round ${round} reported after that of round ${this.syncedTo}`);
    }
    if (round === this.syncedTo) return;
    const block = this.at(round);
    if (block === undefined) throw new Fault(`storage of round ${round} reported, but its block is not recorded`);
    this.syncedTo = round;
    if (this.honorSync) this.synced.publish(block);
  }

  /** A block whose storage is there; ROUND_LATEST for the last one. */
  block(round: bigint): RecordedBlock | undefined {
    const last = this.lastSyncedRound;
    if (last === undefined || (round !== ROUND_LATEST && round > last)) return undefined;
    return this.at(round === ROUND_LATEST ? last : round);
  }

  /** A recorded block, whether or not its storage is there; ROUND_LATEST for the last one. */
  recordedBlock(round: bigint): RecordedBlock | undefined {
    const last = this.lastRound;
    if (last === undefined) return undefined;
    return this.at(round === ROUND_LATEST ? last : round);
  }

  private at(round: bigint): RecordedBlock | undefined {
    const stored = this.table.get(blockKey(round));
    return stored === undefined ? undefined : decodeBlock(stored);
  }

  /** The oldest block that has not been pruned. */
  earliest(): RecordedBlock | undefined {
    for (const [, value] of this.table.range({ gte: Uint8Array.of(BLOCK), lt: Uint8Array.of(BLOCK + 1), limit: 1 })) {
      return decodeBlock(value);
    }
    return undefined;
  }

  /**
   * Forgets rounds before the given one, at most 64 at a time; the last recorded round always stays.
   *
   * @returns the rounds that were forgotten
   */
  pruneBefore(round: bigint): bigint[] {
    const end = round < this.meta.lastRound ? round : this.meta.lastRound;
    const pruned: bigint[] = [];
    this.disk.batch(() => {
      const bounds = { gte: Uint8Array.of(BLOCK), lt: blockKey(end), limit: PRUNE_PASS };
      for (const [key] of this.table.range(bounds)) {
        this.table.delete(key);
        pruned.push(readU64be(key, 1));
      }
    });
    return pruned;
  }

  /** Blocks from now on as they are recorded. */
  watchRecorded(): Subscription<RecordedBlock> {
    return this.recorded.subscribe();
  }

  /** Blocks from now on as their storage becomes there. */
  watch(): Subscription<RecordedBlock> {
    return this.synced.subscribe();
  }

  /** Ends all subscriptions. The disk stays open: it is the node's. */
  close(): void {
    this.recorded.close();
    this.synced.close();
  }
}

function decodeBlock(stored: Uint8Array): RecordedBlock {
  const { height, block } = AnnotatedBlock.decode(stored, "trusted");
  if (block === null) throw new Fault("runtime history has a record without a block");
  return { height, header: block.header };
}
