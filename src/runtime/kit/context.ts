import { utf8 } from "#common/bytes.js";
import type { Header, Message, RoundResults } from "#consensus/services/roothash/types.js";
import { MAX_TAG_KEY_BYTES } from "../transaction/artifacts.js";
import type { Tag } from "../transaction/io-tree.js";
import { refuse } from "./refusal.js";
import type { StateStore } from "./state.js";

/** What one batch, check or query is based on. */
export interface BatchBasis {
  readonly runtimeId: Uint8Array;
  /** Header of the last finalized block. */
  readonly header: Header;
  readonly epoch: bigint;
  readonly maxMessages: number;
  /** Results of the last normal round; absent before the first and outside of execution. */
  readonly roundResults: RoundResults | null;
}

/** One batch, check or query as the runtime's code sees it. */
export class BatchContext {
  /** Messages to the consensus layer, in the order of their indices. */
  readonly messages: Message[] = [];

  constructor(
    readonly basis: BatchBasis,
    readonly state: StateStore,
  ) {}

  /** Identifier of this runtime, 32 bytes. */
  get runtimeId(): Uint8Array {
    return this.basis.runtimeId;
  }

  /** The epoch at the consensus height of the last block. */
  get epoch(): bigint {
    return this.basis.epoch;
  }

  /** The round that is being built: one after the last finalized one. */
  get round(): bigint {
    return this.basis.header.round + 1n;
  }

  /** Results of the messages of the last normal round. */
  get roundResults(): RoundResults | null {
    return this.basis.roundResults;
  }

  /**
   * Sends a message to the consensus layer when the round is finalized.
   *
   * @returns its index, under which the result arrives in the next round
   * @throws Refusal when the round has no room for another message
   */
  emitMessage(message: Message): number {
    if (this.messages.length >= this.basis.maxMessages) refuse("message limit too low");
    this.messages.push(message);
    return this.messages.length - 1;
  }
}

/** One call within a batch. */
export class CallContext {
  /** Tags in the order of their emission. */
  readonly tags: Tag[] = [];

  constructor(
    readonly batch: BatchContext,
    /** Who signed the call, in the form of the call format; empty in queries. */
    readonly sender: Uint8Array,
  ) {}

  get state(): StateStore {
    return this.batch.state;
  }

  get runtimeId(): Uint8Array {
    return this.batch.runtimeId;
  }

  get epoch(): bigint {
    return this.batch.epoch;
  }

  get round(): bigint {
    return this.batch.round;
  }

  /**
   * Emits an event that clients can look up by its key. Of two with the same key in one call the last stays. A call that
   * is refused emits nothing.
   *
   * @throws Refusal when the key is longer than the tree can hold
   */
  emit(key: string | Uint8Array, value: string | Uint8Array): void {
    const tag = { key: bytesOf(key), value: bytesOf(value) };
    if (tag.key.length > MAX_TAG_KEY_BYTES) refuse(`tag key of ${tag.key.length} bytes, limit ${MAX_TAG_KEY_BYTES}`);
    this.tags.push(tag);
  }

  emitMessage(message: Message): number {
    return this.batch.emitMessage(message);
  }
}

function bytesOf(value: string | Uint8Array): Uint8Array {
  return typeof value === "string" ? utf8(value) : value;
}
