import { utf8 } from "#common/bytes.js";
import { HmacDrbg } from "#common/crypto/drbg.js";
import type { Schema } from "#common/schema/index.js";
import { messageProblem } from "#consensus/services/roothash/logic/well-formed.js";
import type { ServiceEvent } from "#consensus/rpc.js";
import { type Header, headerHash, type Message, type RoundResults } from "#consensus/services/roothash/types.js";
import { MAX_TAG_KEY_BYTES } from "../transaction/artifacts.js";
import type { Tag } from "../transaction/io-tree.js";
import type { EventSource } from "./consensus-client.js";
import type { ConsensusState } from "./consensus-state.js";
import { expectResult, type OutgoingMessage, type ResultTarget } from "./messages.js";
import { refuse } from "./refusal.js";
import type { StateStore } from "./state.js";

/**
 * What the code runs for: the check of a transaction for the pool, the execution of a batch, or a query. Whether a batch
 * is being put together or executed as proposed cannot be told: both must come to the same.
 */
export type Mode = "check" | "execute" | "query";

/** What one batch, check or query is based on. */
export interface BatchBasis {
  readonly runtimeId: Uint8Array;
  readonly mode: Mode;
  /** Header of the last finalized block. */
  readonly header: Header;
  readonly epoch: bigint;
  readonly maxMessages: number;
  /** Results of the last normal round; absent before the first and outside of execution. */
  readonly roundResults: RoundResults | null;
  /** Height of the consensus block in which the last block became final. */
  readonly consensusHeight: bigint;
  /** The state of the consensus layer that the batch is based on. */
  readonly consensus: ConsensusState;
  /** The same, once it is verified that header, epoch and state belong together. */
  verifyConsensus(): ConsensusState;
  /** What happened in a block of the consensus layer. */
  consensusEvents(source: EventSource, height: bigint): ServiceEvent[];
}

/** An event with a typed value; made by `defineEvent`. */
export interface EventType<T> {
  /** Key of the tag that clients look for. */
  readonly key: string;
  /** Type of what the event says. */
  readonly value: Schema<T>;
}

/** Declares an event. Clients find it under its key and decode its value with the same schema. */
export function defineEvent<T>(key: string, value: Schema<T>): EventType<T> {
  return { key, value };
}

/** What all code of a runtime sees of the round that it works on. */
abstract class RoundView {
  /** Tags in the order of their emission. */
  readonly tags: Tag[] = [];

  /** The batch, check or query that this belongs to. */
  abstract get batch(): BatchContext;
  /** Sets the random numbers of one call apart from those of another. */
  protected abstract get entropyNonce(): Uint8Array;

  /** The state of the runtime: what has been written in this round is read back. */
  get state(): StateStore {
    return this.batch.store;
  }

  /** Identifier of this runtime, 32 bytes. */
  get runtimeId(): Uint8Array {
    return this.batch.basis.runtimeId;
  }

  /** What the code runs for. */
  get mode(): Mode {
    return this.batch.basis.mode;
  }

  /** The epoch at the consensus height of the last block. */
  get epoch(): bigint {
    return this.batch.basis.epoch;
  }

  /** The round that is being built: one after the last finalized one. */
  get round(): bigint {
    return this.batch.basis.header.round + 1n;
  }

  /** When the last block was made, in seconds since the Unix epoch. It never goes back. */
  get time(): bigint {
    return this.batch.basis.header.timestamp;
  }

  /**
   * The state of the consensus layer before the block that the round builds on, each value proved against what the
   * header of that block says. Outside of execution, and in a runtime without a trust root, the header is the host's
   * word. Nothing is fetched before something is read.
   */
  get consensus(): ConsensusState {
    return this.batch.basis.consensus;
  }

  /**
   * The same as `consensus`, but never the host's word alone in a runtime with a trust root: for queries whose answer
   * somebody relies on. In execution it is verified anyway.
   *
   * @throws CodedError verifier when the host's chain is not the one that the runtime trusts
   */
  get verifiedConsensus(): ConsensusState {
    return this.batch.basis.verifyConsensus();
  }

  /**
   * Height of the consensus block in which the last block of the runtime became final. `consensus` is the state before
   * that block, so its own height is one less.
   */
  get consensusHeight(): bigint {
    return this.batch.basis.consensusHeight;
  }

  /**
   * What happened in a block of the consensus layer, in its order: of each event only the member of that service is set.
   * Nobody can prove events. In execution the members of the committee were all told the same, or do not agree.
   *
   * @param height at most `consensusHeight`, which it is when absent; hosts keep only the blocks of some past
   * @throws Refusal for a block that the batch must not know of
   * @throws CodedError when the host does not have the block
   */
  consensusEvents(source: EventSource, height: bigint = this.consensusHeight): readonly ServiceEvent[] {
    if (height > this.consensusHeight) refuse(`consensus block ${height} is after the round's own`);
    return this.batch.basis.consensusEvents(source, height);
  }

  /**
   * Random numbers that all members of the committee agree on: the same for the same purpose within one call, others in
   * another call or round. Everybody knows them as soon as the last block is there, whoever puts the batch together
   * before everybody else: good to spread things, not to keep secrets or to decide about money.
   */
  entropy(purpose: string): HmacDrbg {
    return new HmacDrbg(headerHash(this.batch.basis.header), this.entropyNonce, utf8(purpose));
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

  /** Emits an event with a typed value. @throws Refusal when its key is longer than the tree can hold */
  emitEvent<T>(event: EventType<T>, value: T): void {
    this.emit(event.key, event.value.encode(value));
  }

  /** How many more messages the round can send. */
  get roomForMessages(): number {
    return this.batch.basis.maxMessages - this.batch.messages.length;
  }

  /**
   * Sends a message to the consensus layer when the round is finalized; nobody is told what became of it but through
   * `roundResults`.
   *
   * @returns its index, under which the result arrives in the next round
   * @throws Refusal when the round has no room for another message, or nobody would take this one
   */
  emitMessage(message: Message): number {
    const problem = messageProblem(message);
    // The consensus layer refuses the whole round for the sake of one malformed message.
    if (problem !== undefined) refuse(`malformed message: ${problem}`);
    if (this.roomForMessages <= 0) refuse("message limit too low");
    const { messages } = this.batch;
    messages.push(message);
    return messages.length - 1;
  }

  /**
   * Sends a message to the consensus layer when the round is finalized. In the next round, before anything else, the
   * handler learns what became of it.
   *
   * @param handler one of those that the runtime is defined with
   * @param data what the handler needs to know of the message; it is kept in the state until then
   * @throws Refusal when the round has no room for another message
   */
  send<R, D>(outgoing: OutgoingMessage<R>, handler: ResultTarget<R, D>, data: D): void {
    const index = this.emitMessage(outgoing.message);
    expectResult(this.state, index, handler.name, handler.encodeData(data));
  }
}

/** One batch, check or query as the runtime's code sees it. What it emits belongs to the block. */
export class BatchContext extends RoundView {
  /** Messages to the consensus layer, in the order of their indices. */
  readonly messages: Message[] = [];

  /** @param keepRefused whether refused calls keep what they have written and sent */
  constructor(
    readonly basis: BatchBasis,
    readonly store: StateStore,
    private readonly keepRefused = false,
  ) {
    super();
  }

  /** This one. */
  get batch(): BatchContext {
    return this;
  }

  protected get entropyNonce(): Uint8Array {
    return NO_CALL;
  }

  /** Results of the messages of the last normal round. */
  get roundResults(): RoundResults | null {
    return this.basis.roundResults;
  }

  /** Runs a call: when it throws, what it has written and sent is undone, unless the runtime wants it kept. */
  attempt<T>(call: () => T): T {
    if (this.keepRefused) return call();
    const [sent, emitted] = [this.messages.length, this.tags.length];
    try {
      return this.store.atomically(call);
    } catch (error) {
      this.messages.length = sent;
      this.tags.length = emitted;
      throw error;
    }
  }
}

/** One call within a batch: a transaction, an incoming message or a query. */
export class CallContext extends RoundView {
  /**
   * @param sender who signed the call, in the form of the call format; the account of an incoming message; empty in
   *   queries
   * @param origin what sets the call apart from others of the round, e.g. the hash of its transaction
   */
  constructor(
    private readonly owner: BatchContext,
    readonly sender: Uint8Array,
    private readonly origin: Uint8Array = NO_CALL,
  ) {
    super();
  }

  /** The batch, check or query that the call is part of. */
  get batch(): BatchContext {
    return this.owner;
  }

  protected get entropyNonce(): Uint8Array {
    return this.origin;
  }
}

const NO_CALL = new Uint8Array(0);

function bytesOf(value: string | Uint8Array): Uint8Array {
  return typeof value === "string" ? utf8(value) : value;
}
