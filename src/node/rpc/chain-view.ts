import type { KeyValueReader } from "#mkvs/key-value.js";
import { EventHub, type Subscription } from "#common/event-hub.js";
import { EMPTY_HASH } from "#common/hash.js";
import type { Backend, CommittedBlock } from "#consensus/backends/backend.js";
import type { BlockOutcome } from "#consensus/app/block-run.js";
import type { Block } from "#consensus/block/block.js";
import type { GenesisDocument } from "#consensus/genesis/document.js";
import { consensusErrors } from "#consensus/transaction/errors.js";
import type { AbciEvent } from "#consensus/transaction/results.js";
import { transactionHash } from "#consensus/transaction/transaction.js";
import { orNull } from "./or-null.js";

/** Blocks that wait for a client that reads a stream; more and it is dropped. */
const MAX_WAITING_BLOCKS = 128;

/** An event of a block with the hash of its transaction, the empty hash for events of the block itself. */
export interface Carrier {
  readonly event: AbciEvent;
  readonly txHash: Uint8Array;
}

/** Reads an event of one service out of a carrying event; undefined for events of others. */
export type EventReader<E> = (carrier: AbciEvent, height: bigint, txHash: Uint8Array) => E | undefined;

/** What a block contains and what it led to. */
export interface ExecutedBlock {
  readonly height: bigint;
  readonly block: Block;
  readonly outcome: BlockOutcome;
}

/**
 * The chain as the client API sees it: heights as clients name them (0 for the latest), coded errors for those that
 * are not kept, and one feed of new blocks for all streams.
 */
export class ChainView {
  private readonly blocks = new EventHub<CommittedBlock>();

  constructor(
    readonly backend: Backend,
    readonly genesis: GenesisDocument,
  ) {
    backend.onBlock((committed) => this.blocks.publish(committed));
  }

  /**
   * The latest height.
   * @throws CodedError consensus/1 before the first block
   */
  latestHeight(): bigint {
    const { latestHeight } = this.backend;
    if (latestHeight === 0n) throw consensusErrors.noCommittedBlocks();
    return latestHeight;
  }

  /**
   * The definite height that a request means.
   * @param requested a height, or 0 for the latest
   * @throws CodedError consensus/1 before the first block, consensus/3 for a height that is not kept
   */
  height(requested: bigint): bigint {
    const latest = this.latestHeight();
    if (requested === 0n) return latest;
    const { earliestHeight } = this.backend;
    if (requested < earliestHeight || requested > latest) throw this.notKept(requested);
    return requested;
  }

  /** The error of a height that is not kept; it names those that are. */
  notKept(height: bigint): Error {
    const { earliestHeight, latestHeight } = this.backend;
    return consensusErrors.versionNotFound(`height ${height}, kept are ${earliestHeight} to ${latestHeight}`);
  }

  /** The state after a height (0 = latest). Throws like `height`. */
  state(requested: bigint): KeyValueReader {
    return this.backend.stateAt(this.height(requested));
  }

  /** A block with its transactions (0 = latest). Throws like `height`. */
  block(requested: bigint): Block {
    const height = this.height(requested);
    const block = this.backend.block(height);
    if (block === undefined) throw this.notKept(height);
    return block;
  }

  /** A block and what it led to (0 = latest). Throws like `height`. */
  executed(requested: bigint): ExecutedBlock {
    const height = this.height(requested);
    const block = this.backend.block(height);
    const outcome = this.backend.results(height);
    if (block === undefined || outcome === undefined) throw this.notKept(height);
    return { height, block, outcome };
  }

  /** The events of one service at a height (0 = latest), in the order in which they came about; null for none. */
  events<E>(requested: bigint, read: EventReader<E>): E[] | null {
    return orNull(Array.from(readEvents(this.executed(requested), read)));
  }

  /**
   * Blocks from now on. A reader that falls too far behind is dropped with `SubscriberTooSlow`; the making of blocks
   * never waits.
   */
  follow(): Subscription<CommittedBlock> {
    return this.blocks.subscribe({ limit: MAX_WAITING_BLOCKS });
  }
}

/** All events of a block: of its beginning, of its transactions (failed ones too), of its end. */
export function* carriers({ block, outcome }: ExecutedBlock): Generator<Carrier, void, void> {
  for (const event of outcome.beginEvents) yield { event, txHash: EMPTY_HASH };
  for (const [i, result] of outcome.results.entries()) {
    const raw = block.data.txs[i];
    if (raw === undefined) continue;
    const txHash = transactionHash(raw);
    for (const event of result.events) yield { event, txHash };
  }
  for (const event of outcome.endEvents) yield { event, txHash: EMPTY_HASH };
}

/** The events of one service in a block. */
export function* readEvents<E>(executed: ExecutedBlock, read: EventReader<E>): Generator<E, void, void> {
  for (const { event, txHash } of carriers(executed)) {
    const found = read(event, executed.height, txHash);
    if (found !== undefined) yield found;
  }
}
