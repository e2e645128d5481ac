import { assert } from "#common/assert.js";
import type { AcceptancePolicy } from "#common/crypto/signature.js";
import type { Timestamp } from "#common/schema/index.js";
import type { KeyValueReader, KeyValueStore } from "#mkvs/key-value.js";
import { Overlay } from "#mkvs/tree/overlay.js";
import type { GasAccountant } from "../transaction/gas.js";
import type { AbciEvent, EventAttribute } from "../transaction/results.js";
import type { Transaction } from "../transaction/transaction.js";
import { eventAttribute, type EventKind } from "./events.js";
import type { ConsensusParameters } from "./parameters.js";
import type { Topic } from "./topics.js";

/** In which phase the state machine calls a service. */
export type ContextMode = "initChain" | "checkTx" | "deliverTx" | "simulate" | "beginBlock" | "endBlock";

/** A validator's part in the last commit; an absent one did not sign. */
export interface CommitVote {
  /** Address of the consensus key, 20 bytes. */
  readonly address: Uint8Array;
  readonly signed: boolean;
}

/** Proven misbehaviour of a validator. */
export interface Misbehavior {
  readonly kind: "duplicate-vote" | "light-client-attack";
  readonly address: Uint8Array;
  readonly height: bigint;
}

/** A value that services keep for the time of one block. */
export interface BlockKey<T> {
  readonly name: string;
  initial(): T;
}

/** What belongs to the block as a whole; reset with every block. */
export class BlockScope {
  gas: GasAccountant;
  readonly systemTransactions: Transaction[] = [];
  /** Encoded provable events, in order of emission. */
  readonly provable: Uint8Array[] = [];
  private readonly values: [BlockKey<unknown>, unknown][] = [];

  constructor(
    readonly proposerAddress: Uint8Array,
    readonly lastCommit: readonly CommitVote[],
    readonly misbehavior: readonly Misbehavior[],
    gas: GasAccountant,
    /** Whether the block is still being put together by its proposer. */
    readonly proposing: boolean,
  ) {
    this.gas = gas;
  }

  get<T>(key: BlockKey<T>): T {
    const entry = this.values.find(([k]) => k === key);
    if (entry !== undefined) return entry[1] as T;
    const value = key.initial();
    this.values.push([key, value]);
    return value;
  }

  set<T>(key: BlockKey<T>, value: T): void {
    const entry = this.values.find(([k]) => k === key);
    if (entry === undefined) this.values.push([key, value]);
    else entry[1] = value;
  }
}

/** What the state machine offers to every context. */
export interface Environment {
  /** Height of the last committed block, 0 until the first one is committed. */
  readonly stateHeight: bigint;
  readonly initialHeight: bigint;
  readonly chainContext: string;
  /** First epoch of the chain, from the genesis document. */
  readonly baseEpoch: bigint;
  /** State root after the last committed block; empty before the first one is committed. */
  readonly lastAppHash: Uint8Array;
  /** Parameters as of the last commit. */
  readonly parameters: ConsensusParameters;
  /** State at the last committed height. */
  readonly committed: KeyValueReader;
  /** Whether test keys are refused and debug parameters honoured: switches of this node, equal on all nodes of a chain. */
  readonly debug: DebugSwitches;
  /** Which keys may sign on this chain: those of the node's switches that the genesis document does not forbid. */
  readonly policy: AcceptancePolicy;
  /** Lowest gas price that this node takes into its pool. */
  readonly localMinGasPrice: bigint;
  /** Whether an address is this node's own, whose transactions the pool always takes. */
  isOwnSigner(address: Uint8Array): boolean;
  readonly epochs: EpochSource;
  /** Told of every transaction that passed the pool's check, at each check anew. */
  checked(tx: Transaction): void;
  publish<Q, R>(ctx: Context, topic: Topic<Q, R>, message: Q): R | undefined;
}

/** Node flags of development networks that are visible to consensus. */
export interface DebugSwitches {
  readonly dontBlameOasis: boolean;
  readonly allowTestKeys: boolean;
  readonly allowDebugEnclaves: boolean;
}

/** A scheduled epoch transition. */
export interface FutureEpoch {
  readonly epoch: bigint;
  readonly height: bigint;
}

/** Where the epoch comes from (beacon service). */
export interface EpochSource {
  epoch(state: KeyValueReader): bigint;
  future(state: KeyValueReader): FutureEpoch | undefined;
}

/** An epoch that is not known yet: 2^64-1. */
export const EPOCH_INVALID = 0xffffffffffffffffn;

interface Events {
  emitted: AbciEvent[];
  provable: Uint8Array[];
}

/** One call of a service: state, events, gas and the block around it. */
export class Context {
  /** Encoded data of a successful transaction; null is what nearly all return. */
  data: Uint8Array = Uint8Array.of(0xf6);
  private events: Events = { emitted: [], provable: [] };
  private signerKey: Uint8Array | undefined;
  private callerAddress: Uint8Array | undefined;

  constructor(
    readonly mode: ContextMode,
    readonly env: Environment,
    readonly state: KeyValueStore,
    private readonly blockScope: BlockScope | undefined,
    /** Height before the one being built. */
    readonly lastHeight: bigint,
    readonly now: Timestamp,
    public gas: GasAccountant,
    private readonly parent?: Context,
  ) {}

  /** Height of the block being built. */
  get height(): bigint {
    return this.lastHeight + 1n;
  }

  get isCheckTx(): boolean {
    return this.mode === "checkTx";
  }

  get isSimulation(): boolean {
    return this.mode === "simulate";
  }

  get isInitChain(): boolean {
    return this.mode === "initChain";
  }

  get block(): BlockScope {
    assert(this.blockScope !== undefined, `no block in ${this.mode}`);
    return this.blockScope;
  }

  /** Public key that signed the transaction. */
  get signer(): Uint8Array {
    assert(this.signerKey !== undefined, `no transaction signer in ${this.mode}`);
    return this.signerKey;
  }

  /** Whether this runs on behalf of a transaction (and not of a block hook). */
  get hasSigner(): boolean {
    return this.signerKey !== undefined;
  }

  /** Address on whose behalf this runs: the signer's, or that of a runtime or vault. */
  get caller(): Uint8Array {
    assert(this.callerAddress !== undefined, `no caller in ${this.mode}`);
    return this.callerAddress;
  }

  setSigner(publicKey: Uint8Array, address: Uint8Array): void {
    this.signerKey = publicKey;
    this.callerAddress = address;
  }

  /** Nesting of child contexts. */
  get depth(): number {
    return this.parent === undefined ? 0 : this.parent.depth + 1;
  }

  private derive(mode: ContextMode, state: KeyValueStore): Context {
    const c = new Context(mode, this.env, state, this.blockScope, this.lastHeight, this.now, this.gas, this);
    c.signerKey = this.signerKey;
    c.callerAddress = this.callerAddress;
    return c;
  }

  /**
   * Opens a roll-back scope: `body` sees its own state and events, which reach this context only if it returns.
   * Writes that `body` makes through a state taken from the outer context stay, as in the reference.
   */
  transaction<R>(body: (child: Context) => R): R {
    const overlay = new Overlay(this.state);
    const child = this.derive(this.mode, overlay);
    const result = body(child);
    overlay.commit();
    this.adopt(child);
    return result;
  }

  /** Runs `body` on behalf of another address, on the same state; events are kept even if it throws. */
  withCaller<R>(address: Uint8Array, body: (child: Context) => R): R {
    const child = this.derive(this.mode, this.state);
    child.callerAddress = address;
    try {
      return body(child);
    } finally {
      if (!this.isSimulation) this.adopt(child);
    }
  }

  /** Runs `body` in simulation: gas counts, state and events are thrown away. */
  simulate<R>(body: (child: Context) => R): R {
    return body(this.derive("simulate", new Overlay(this.state)));
  }

  private adopt(child: Context): void {
    this.events.emitted.push(...child.events.emitted);
    this.events.provable.push(...child.events.provable);
  }

  /** Emits an event of a declared kind, with further attributes if the event carries some. */
  emit<T>(kind: EventKind<T>, value: T, ...more: EventAttribute[]): void {
    this.events.emitted.push({ type: kind.type, attributes: [eventAttribute(kind, value), ...more] });
    if (kind.provable) this.events.provable.push(kind.schema.encode(value));
  }

  /** Emits an event whose attributes are plain text. */
  emitPlain(type: string, ...attributes: EventAttribute[]): void {
    this.events.emitted.push({ type, attributes });
  }

  get emitted(): readonly AbciEvent[] {
    return this.events.emitted;
  }

  get provable(): readonly Uint8Array[] {
    return this.events.provable;
  }

  /** Whether an event of this kind was emitted in this context. */
  hasEmitted(type: string, kind: string): boolean {
    return this.events.emitted.some((e) => e.type === type && e.attributes.some((a) => a.key === kind));
  }

  publish<Q, R>(topic: Topic<Q, R>, message: Q): R | undefined {
    return this.env.publish(this, topic, message);
  }
}
