import { u64be, readU64be } from "#common/bytes.js";
import { Fault } from "#common/errors/index.js";
import type { Disk, DiskTable } from "#common/ports/disk.js";
import { bytes, i64, list, struct, text, u32 } from "#common/schema/index.js";
import type { BlockOutcome } from "../../app/block-run.js";
import { type BlockId, BlockId as BlockIdMessage } from "../../block/block-id.js";
import { Block } from "../../block/block.js";
import { Commit } from "../../block/commit.js";
import { ValidatorSet } from "../../block/validator.js";

const MAX = 1 << 27;

class StoredEvent extends struct("StoredEvent", {
  type: text({ max: MAX }),
  attributes: list(struct("StoredAttribute", { key: text({ max: MAX }), value: text({ max: MAX }) }), { max: MAX }),
}) {}

class StoredResult extends struct("StoredResult", {
  code: u32,
  codespace: text({ max: MAX }),
  log: text({ max: MAX }),
  data: bytes({ max: MAX }),
  gasWanted: i64,
  gasUsed: i64,
  events: list(StoredEvent, { max: MAX }),
}) {}

class StoredOutcome extends struct("StoredOutcome", {
  beginEvents: list(StoredEvent, { max: MAX }),
  results: list(StoredResult, { max: MAX }),
  endEvents: list(StoredEvent, { max: MAX }),
  validatorUpdates: list(struct("StoredUpdate", { publicKey: bytes({ max: 32 }), power: i64 }), { max: MAX }),
  appHash: bytes({ max: 32 }),
}) {}

class StoredBlock extends struct("StoredBlock", { blockId: bytes({ max: 256 }), block: bytes({ max: MAX }) }) {}

/** Everything kept of one height. */
export interface HeightRecord {
  readonly block: Block;
  readonly blockId: BlockId;
  /** The commit for this height. */
  readonly commit: Commit;
  readonly outcome: BlockOutcome;
}

/** Blocks, commits, results and validator sets by height. */
export class BlockStore {
  private readonly blocks: DiskTable;
  private readonly commits: DiskTable;
  private readonly outcomes: DiskTable;
  private readonly validatorSets: DiskTable;
  /** Known until it changes, since every query asks. */
  private edges: { readonly earliest: bigint; readonly latest: bigint } | undefined;

  constructor(disk: Disk) {
    this.blocks = disk.openTable("blocks");
    this.commits = disk.openTable("commits");
    this.outcomes = disk.openTable("results");
    this.validatorSets = disk.openTable("validators");
  }

  private static edge(table: DiskTable, reverse: boolean): bigint {
    for (const [key] of table.range({ reverse, limit: 1 })) return readU64be(key);
    return 0n;
  }

  private get range(): { readonly earliest: bigint; readonly latest: bigint } {
    this.edges ??= { earliest: BlockStore.edge(this.blocks, false), latest: BlockStore.edge(this.blocks, true) };
    return this.edges;
  }

  get latestHeight(): bigint {
    return this.range.latest;
  }

  get earliestHeight(): bigint {
    return this.range.earliest;
  }

  /** Writes one height; to be called within a batch. @param encoded the block as its id commits to it */
  put(height: bigint, record: HeightRecord, encoded: Uint8Array): void {
    const key = u64be(height);
    this.edges = undefined;
    const blockId = BlockIdMessage.encode(record.blockId);
    this.blocks.put(key, StoredBlock.encode({ blockId, block: encoded }));
    this.commits.put(key, Commit.encode(record.commit));
    this.outcomes.put(key, StoredOutcome.encode(record.outcome as StoredOutcome));
  }

  /** Forgets a height; to be called within a batch. */
  remove(height: bigint): void {
    const key = u64be(height);
    this.edges = undefined;
    for (const table of [this.blocks, this.commits, this.outcomes, this.validatorSets]) table.delete(key);
  }

  putValidators(height: bigint, set: ValidatorSet): void {
    this.validatorSets.put(u64be(height), ValidatorSet.encode(set));
  }

  private stored(height: bigint): StoredBlock | undefined {
    const raw = this.blocks.get(u64be(height));
    return raw === undefined ? undefined : StoredBlock.decode(raw, "trusted");
  }

  block(height: bigint): Block | undefined {
    const stored = this.stored(height);
    return stored === undefined ? undefined : Block.decode(stored.block);
  }

  blockId(height: bigint): BlockId | undefined {
    const stored = this.stored(height);
    return stored === undefined ? undefined : BlockIdMessage.decode(stored.blockId);
  }

  commit(height: bigint): Commit | undefined {
    const raw = this.commits.get(u64be(height));
    return raw === undefined ? undefined : Commit.decode(raw);
  }

  outcome(height: bigint): BlockOutcome | undefined {
    const raw = this.outcomes.get(u64be(height));
    return raw === undefined ? undefined : StoredOutcome.decode(raw, "trusted");
  }

  validators(height: bigint): ValidatorSet | undefined {
    const raw = this.validatorSets.get(u64be(height));
    return raw === undefined ? undefined : ValidatorSet.decode(raw);
  }

  /** All records of a height, which must be there. */
  load(height: bigint): HeightRecord {
    const block = this.block(height);
    const blockId = this.blockId(height);
    const commit = this.commit(height);
    const outcome = this.outcome(height);
    if (block === undefined || blockId === undefined || commit === undefined || outcome === undefined) {
      throw new Fault(`block store: records of height ${height} are incomplete`);
    }
    return { block, blockId, commit, outcome };
  }
}
