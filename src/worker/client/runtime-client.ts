import { toHex } from "#common/bytes.js";
import { CodedError, unknown } from "#common/errors/index.js";
import { EventHub, type Subscription } from "#common/event-hub.js";
import { hash } from "#common/hash.js";
import type { Clock } from "#common/ports/clock.js";
import type { Backend } from "#consensus/backends/backend.js";
import { epochOf } from "#consensus/services/beacon/state.js";
import { rootHashErrors } from "#consensus/services/roothash/errors.js";
import { runtimeState } from "#consensus/services/roothash/queries.js";
import { runtimeOf } from "#consensus/services/roothash/state.js";
import type { AnnotatedBlock, Block, Header } from "#consensus/services/roothash/types.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import { type BlockHistory, type RecordedBlock, ROUND_LATEST } from "#runtime/history/block-history.js";
import type { RoundReader } from "#runtime/history/round-reader.js";
import type { RuntimeHost } from "#runtime/host/host.js";
import { CallFailure } from "#runtime/rhp/errors.js";
import type { BodyValue, CheckTxResult } from "#runtime/rhp/messages/index.js";
import type { EmittedTag, ExecutedTransaction } from "#runtime/transaction/io-tree.js";
import { lightBlockAt } from "../dispatch.js";
import { txPoolErrors } from "../txpool/errors.js";
import type { TxPool } from "../txpool/tx-pool.js";
import { checkFailure, clientErrors } from "./errors.js";
import { PendingTransactions } from "./pending.js";
import { untilRunning } from "./running.js";
import type {
  ComponentId,
  QueryResponse,
  RuntimeEvent,
  SubmitTxMetaResponse,
  TransactionWithResults,
} from "./types.js";

/** How long a query may take, and how long it waits for the runtime, in milliseconds. */
const QUERY_DEADLINE_MS = 60_000;
/** The part of a runtime that is meant when none is named. */
const RONL = "ronl";

export interface RuntimeClientOptions {
  readonly runtimeId: Uint8Array;
  readonly backend: Backend;
  readonly host: RuntimeHost;
  readonly pool: TxPool;
  readonly history: BlockHistory;
  readonly reader: RoundReader;
  readonly db: NodeDb;
  readonly clock: Clock;
  /** Off-chain logic of this node, by name. */
  readonly component?: (name: string) => RuntimeHost | undefined;
}

/** Whoever called may lose interest. */
export interface Caller {
  onCancel(callback: () => void): unknown;
}

/** The runtime client API for one runtime (runtime layer: gRPC). Rounds of 2^64-1 mean the latest. */
export class RuntimeClient {
  private readonly pending = new PendingTransactions();
  private readonly blocks = new EventHub<AnnotatedBlock>();
  /** Whether the runtime has been seen running. */
  private hosted = false;

  constructor(private readonly options: RuntimeClientOptions) {}

  /** Ends all streams, and the waiting of all who have submitted a transaction. */
  close(): void {
    this.pending.close(txPoolErrors.closed());
    this.blocks.close();
  }

  /** For the worker: a round is final and its trees are here. */
  finalized({ height, header }: RecordedBlock, transactions: readonly ExecutedTransaction[]): void {
    this.hosted ||= this.options.host.info !== undefined;
    this.pending.settle(header.round, transactions);
    this.blocks.publish({ height, block: { header } });
  }

  /**
   * Submits a transaction and waits until it is in a round.
   *
   * @returns its output
   * @throws CodedError runtime/client/5 when the check fails, txpool when the pool does not take it or the node stops
   *   before the transaction is in a round
   */
  async submitTx(data: Uint8Array, caller?: Caller): Promise<Uint8Array> {
    const { output, checkTxError } = await this.submitTxMeta(data, caller);
    if (checkTxError !== undefined) throw checkFailure(checkTxError);
    return output;
  }

  /** The same, with the place of the transaction; a failed check is part of the answer. */
  async submitTxMeta(data: Uint8Array, caller?: Caller): Promise<SubmitTxMetaResponse> {
    const pending = this.pending.watch(hash(data));
    caller?.onCancel(() => pending.forget());
    let check: CheckTxResult;
    try {
      check = await this.check(data, false);
    } catch (error) {
      pending.forget();
      throw error;
    }
    if (check.error.code !== 0) {
      pending.forget();
      return { output: new Uint8Array(0), round: 0n, batchOrder: 0, checkTxError: check.error };
    }
    const { round, transaction } = await pending.executed;
    const { output, batchOrder } = transaction;
    return { output: output ?? new Uint8Array(0), round, batchOrder, checkTxError: undefined };
  }

  /** Submits a transaction and waits for its check only. Throws as `submitTx`. */
  async submitTxNoWait(data: Uint8Array): Promise<void> {
    const { error } = await this.check(data, false);
    if (error.code !== 0) throw checkFailure(error);
  }

  /** Checks a transaction on this node. Throws as `submitTx`. */
  async checkTx(data: Uint8Array): Promise<void> {
    const { error } = await this.check(data, true);
    if (error.code !== 0) throw checkFailure(error);
  }

  private check(data: Uint8Array, discard: boolean): Promise<CheckTxResult> {
    const { host, history, pool } = this.options;
    this.hosted ||= host.info !== undefined;
    // What comes while the runtime is being started anew waits in the pool until it can be checked, as in the reference.
    if (!this.hosted) throw clientErrors.noHostedRuntime();
    if (history.lastSyncedRound === undefined) throw clientErrors.notSynced();
    return pool.submit(data, discard);
  }

  /** @throws CodedError roothash/2 when the round does not exist or is no longer kept */
  getBlock(round: bigint): Block {
    return { header: this.recorded(round).header };
  }

  /** The oldest block whose state is kept too. Throws as `getBlock`. */
  getLastRetainedBlock(): Block {
    const { history, db } = this.options;
    const oldest = history.earliest();
    if (oldest === undefined) throw rootHashErrors.notFound();
    const version = db.earliestVersion();
    return version > oldest.header.round ? this.getBlock(version) : { header: oldest.header };
  }

  private recorded(round: bigint): RecordedBlock {
    const block = this.options.history.block(round);
    if (block === undefined) throw rootHashErrors.notFound();
    return block;
  }

  private executed(header: Header): ExecutedTransaction[] {
    return within("transaction: get transactions failed", () => this.options.reader.transactions(header));
  }

  private tags(header: Header): EmittedTag[] {
    return within("transaction: get tags failed", () => this.options.reader.tags(header));
  }

  /** Transactions of a round in batch order. Throws as `getBlock`, and errors of the database for pruned trees. */
  getTransactions(round: bigint): Uint8Array[] {
    return this.executed(this.recorded(round).header).map(({ input }) => input);
  }

  /** Transactions of a round with outputs and events. Throws as `getBlock`. */
  getTransactionsWithResults(round: bigint): TransactionWithResults[] {
    const { header } = this.recorded(round);
    const events = new Map<string, { key: Uint8Array; value: Uint8Array }[]>();
    const executed = this.executed(header);
    for (const { key, value, txHash } of this.tags(header)) {
      const id = toHex(txHash);
      const all = events.get(id) ?? [];
      all.push({ key, value });
      events.set(id, all);
    }
    return executed.map((tx) => ({
      tx: tx.input,
      result: tx.output ?? null,
      events: events.get(toHex(tx.hash)) ?? [],
    }));
  }

  /** All events of a round, those of the block itself included. Throws as `getBlock`. */
  getEvents(round: bigint): RuntimeEvent[] {
    return this.tags(this.recorded(round).header).map(({ key, value, txHash }) => ({ key, value, txHash }));
  }

  /** Transactions that wait for a round on this node. */
  getUnconfirmedTransactions(): Uint8Array[] {
    return this.options.pool.all();
  }

  /**
   * Asks the runtime of this node; while it is being started anew the question waits.
   *
   * @throws CodedError of the runtime; runtime/client/6 when it does not run; as `getBlock`
   */
  async query(
    round: bigint,
    method: string,
    args: Uint8Array,
    component?: ComponentId,
    caller?: Caller,
  ): Promise<QueryResponse> {
    const { backend, runtimeId, clock } = this.options;
    const state = within("client: failed to get runtime state", () => runtimeState(backend.stateAt(0n), runtimeId));
    const { maxMessages } = runtimeOf(state).executor;
    const { height, header } = within("client: failed to fetch annotated block from history", () =>
      this.recorded(round),
    );
    const consensusBlock = within(`client: failed to get light block at height ${height}`, () =>
      lightBlockAt(backend, height),
    );
    const { epoch } = within(`client: failed to get epoch at height ${height}`, () => epochOf(backend.stateAt(height)));
    const asked = this.hostOf(component);
    const watchCancel = (cancel: () => void): unknown => caller?.onCancel(cancel);
    const runs = await untilRunning(asked, clock, QUERY_DEADLINE_MS, watchCancel);
    if (!runs) throw clientErrors.noHostedRuntime();
    return await this.ask(asked, { consensusBlock, header, epoch, maxMessages, method, args });
  }

  /** Who answers: the runtime, unless off-chain logic is named. */
  private hostOf(component: ComponentId | undefined): RuntimeHost {
    if (component === undefined || component.kind === RONL) return this.options.host;
    const found = this.options.component?.(component.name);
    if (found === undefined) throw unknown(`component '${textOf(component)}' not found`);
    return found;
  }

  private async ask(host: RuntimeHost, request: BodyValue<"RuntimeQueryRequest">): Promise<QueryResponse> {
    try {
      return await host.call("RuntimeQueryRequest", request, QUERY_DEADLINE_MS);
    } catch (error) {
      if (error instanceof CallFailure) throw clientErrors.internal(error.message);
      throw error;
    }
  }

  /** The latest block, then every new one when its trees are here. */
  watchBlocks(): Subscription<AnnotatedBlock> {
    const latest = this.options.history.block(ROUND_LATEST);
    const first = latest === undefined ? [] : [{ height: latest.height, block: { header: latest.header } }];
    return this.blocks.subscribe({ first });
  }
}

/** Says what was being done where a coded error occurs; the code stays. */
function within<T>(doing: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof CodedError) throw new CodedError(error.module, error.code, `${doing}: ${error.message}`);
    throw error;
  }
}

function textOf({ kind, name }: ComponentId): string {
  return name === "" ? kind : `${kind} (${name})`;
}
