import { toHex } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import { hash } from "#common/hash.js";
import { Inbox } from "#common/inbox.js";
import type { Clock, Timer } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";
import { SeenCache } from "#p2p/seen-cache.js";
import type { RuntimeHost } from "#runtime/host/host.js";
import type { CheckTxResult } from "#runtime/rhp/messages/index.js";
import type { Dispatch } from "../dispatch.js";
import { Checker, rejection } from "./checker.js";
import { CheckQueue, type PendingCheck } from "./check-queue.js";
import { checkQueueFull, DuplicateTransaction, notQueued, txPoolErrors } from "./errors.js";
import { DEFAULT_TX_POOL_LIMITS, type TxPoolLimits } from "./limits.js";
import { MainQueue, type PoolTransaction } from "./main-queue.js";

/** Pause before a batch that the runtime did not answer is checked again, in milliseconds. */
const RETRY_MS = 1000;
/** Most transactions that one pass gossips again, and the pause before the next pass, in milliseconds. */
const REPUBLISH_BATCH = 128;
const REPUBLISH_PAUSE_MS = 1000;
/** The check queue holds that much more than the pool, so that a full pool can be checked again. */
const CHECK_QUEUE_PERCENT = 110;
const NEVER_MS = Number.NEGATIVE_INFINITY;

export interface TxPoolOptions {
  readonly host: RuntimeHost;
  readonly clock: Clock;
  readonly log: Log;
  /** Gossips a transaction. */
  readonly publish: (raw: Uint8Array) => void;
  /** Told after transactions became known to be valid, or are still. */
  readonly checked: () => void;
  readonly limits?: Partial<TxPoolLimits>;
}

type Job = "check" | "recheck" | "republish";

/** The transactions of one runtime that wait for a round (node workers: transaction pool). */
export class TxPool {
  readonly limits: TxPoolLimits;
  private readonly main: MainQueue;
  private readonly checks = new CheckQueue();
  private readonly checker: Checker;
  private readonly inbox: Inbox<Job>;
  private readonly planned = new Set<Job>();
  /** When a transaction was last gossiped, by anybody. */
  private readonly seen: SeenCache;
  /** Transactions of incoming messages and of proposals, which may not be in the queues. */
  private incoming = new Map<string, PoolTransaction>();
  private proposed = new Map<string, PoolTransaction>();
  private basis: Dispatch | undefined;
  private lastRecheckRound = 0n;
  private retry: Timer | undefined;
  private republish: Timer | undefined;
  private stopped = false;

  constructor(private readonly options: TxPoolOptions) {
    this.limits = { ...DEFAULT_TX_POOL_LIMITS, ...options.limits };
    this.main = new MainQueue(this.limits.maxTransactions);
    this.seen = new SeenCache(this.limits.seenTransactions);
    this.checker = new Checker(options.host, options.log);
    this.inbox = new Inbox<Job>({
      capacity: 8,
      handle: (job) => this.run(job),
      failed: (error, job) => options.log.error("transaction pool failed", { job, error: String(error) }),
    });
  }

  /** Transactions that wait to be scheduled or checked. */
  get size(): number {
    return this.main.size + this.checks.size;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.retry?.cancel();
    this.republish?.cancel();
    for (const check of this.checks.clear()) settle(check, txPoolErrors.closed());
    await this.inbox.stop();
  }

  /**
   * Checks a transaction, queues it if it is valid and gossips it.
   *
   * @param discard only check
   * @returns what the runtime or the queue said of it, an error code included
   * @throws CodedError when the pool does not take it: it is known, or there is no room
   */
  submit(raw: Uint8Array, discard = false): Promise<CheckTxResult> {
    return new Promise((resolve, reject) => {
      const settleBoth = (outcome: CheckTxResult | Error): void =>
        outcome instanceof Error ? reject(outcome) : resolve(outcome);
      this.enter(raw, true, discard, settleBoth);
    });
  }

  /**
   * Takes a transaction from a peer.
   *
   * @returns whether it is new
   * @throws CodedError when the pool does not take it for another reason
   */
  offer(raw: Uint8Array): boolean {
    try {
      this.enter(raw, false, false, undefined);
      return true;
    } catch (error) {
      if (error instanceof DuplicateTransaction) return false;
      throw error;
    }
  }

  private enter(
    raw: Uint8Array,
    local: boolean,
    discard: boolean,
    settled: PendingCheck["waiting"][0] | undefined,
  ): void {
    const { maxTransactionBytes, maxTransactions, maxBytes } = this.limits;
    if (this.stopped) throw txPoolErrors.closed();
    if (raw.length === 0) throw txPoolErrors.empty();
    if (raw.length > maxTransactionBytes) {
      throw txPoolErrors.tooLarge(`${raw.length} bytes, limit ${maxTransactionBytes}`);
    }
    const txHash = hash(raw);
    const waiting = settled === undefined ? [] : [settled];
    if (this.seen.get(txHash, 0) !== undefined) throw new DuplicateTransaction();
    if (!discard && this.joins(txHash, local, waiting)) return;
    if (this.checks.size >= Math.ceil((maxTransactions * CHECK_QUEUE_PERCENT) / 100)) throw checkQueueFull();
    if (this.main.bytes + this.checks.bytes + raw.length > maxBytes) throw txPoolErrors.full(`limit ${maxBytes} bytes`);
    this.checks.push({ raw, hash: txHash, local, discard, recheck: false, executed: false, waiting });
    this.plan("check");
  }

  /** Whether the same transaction is on its way through the check already; then its outcome is shared. */
  private joins(txHash: Uint8Array, local: boolean, waiting: PendingCheck["waiting"]): boolean {
    const same = this.checks.get(txHash);
    if (same !== undefined && !same.recheck && local && !same.local) {
      same.local = true;
      same.waiting.push(...waiting);
      return true;
    }
    if (same !== undefined || this.main.get(txHash) !== undefined) throw new DuplicateTransaction();
    return false;
  }

  /** A transaction that is in the pool or part of the current proposals. */
  get(txHash: Uint8Array): Uint8Array | undefined {
    const id = toHex(txHash);
    const found = this.main.get(txHash) ?? this.checks.get(txHash) ?? this.incoming.get(id) ?? this.proposed.get(id);
    return found?.raw;
  }

  /** All transactions that may come into a round: those of incoming messages first, then those that were checked. */
  all(): Uint8Array[] {
    const again = this.checks.all().filter(({ recheck }) => recheck);
    return [...this.incoming.values(), ...this.main.all(), ...again].map(({ raw }) => raw);
  }

  /** Begins a scheduling session with the best transactions. */
  suggestion(limit: number): Uint8Array[] {
    return this.main.schedule(limit).map(({ raw }) => raw);
  }

  /** Goes on with the session. */
  more(limit: number): Uint8Array[] {
    return this.main.scheduleMore(limit).map(({ raw }) => raw);
  }

  /** Keeps transactions of a proposal at hand until the round is over. */
  propose(transactions: readonly Uint8Array[]): void {
    for (const raw of transactions) {
      const txHash = hash(raw);
      this.proposed.set(toHex(txHash), { raw, hash: txHash });
    }
  }

  /** The same for those that came from a peer; should the round fail, they are at hand for the next one, too. */
  receiveProposed(transactions: readonly Uint8Array[]): void {
    this.propose(transactions);
    for (const raw of transactions) {
      try {
        this.offer(raw);
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
        this.options.log.debug("transaction of a proposal has no place in the pool", { error: error.message });
      }
    }
  }

  /** The round is over. */
  clearProposed(): void {
    this.proposed = new Map();
  }

  /** The runtime refused transactions in a batch; they may become valid later. */
  reject(hashes: readonly Uint8Array[]): void {
    for (const txHash of hashes) this.seen.delete(txHash);
    this.main.used(hashes);
  }

  /** Transactions are part of a finalized round. */
  used(hashes: readonly Uint8Array[]): void {
    this.main.used(hashes);
    for (const txHash of hashes) {
      const check = this.checks.get(txHash);
      if (check !== undefined) check.executed = true;
    }
  }

  /** From now on transactions are checked on top of another block, whose state must be there. */
  update(basis: Dispatch): void {
    const first = this.basis === undefined;
    const committeeChanged = this.basis?.state.committee?.validFor !== basis.state.committee?.validFor;
    this.basis = basis;
    this.incoming = new Map();
    for (const { data } of basis.incoming) {
      const tx = { raw: data, hash: hash(data) };
      this.incoming.set(toHex(tx.hash), tx);
    }
    const due = basis.header.round - this.lastRecheckRound > this.limits.recheckRounds;
    if (!first && (due || committeeChanged) && this.main.size > 0) this.plan("recheck");
    if (due || committeeChanged) this.lastRecheckRound = basis.header.round;
    if (this.checks.waiting > 0) this.plan("check");
  }

  private plan(job: Job): void {
    if (this.stopped || this.planned.has(job)) return;
    this.planned.add(job);
    this.inbox.offer(job);
  }

  private async run(job: Job): Promise<void> {
    this.planned.delete(job);
    if (job === "check") await this.checkBatch();
    else if (job === "recheck") this.recheckAll();
    else this.republishAll();
  }

  private recheckAll(): void {
    for (const { raw, hash: txHash } of this.main.drain()) {
      this.checks.push({
        raw,
        hash: txHash,
        local: false,
        discard: false,
        recheck: true,
        executed: false,
        waiting: [],
      });
    }
    this.plan("check");
  }

  private async checkBatch(): Promise<void> {
    const basis = this.basis;
    if (basis === undefined || this.retry !== undefined) return;
    const batch = this.checks.take(this.limits.checkBatch);
    if (batch.length === 0) return;
    const inputs = batch.map(({ raw }) => raw);
    const results = await this.checker.check(basis, inputs);
    if (this.stopped) return;
    if (results === undefined) {
      this.checks.putBack();
      this.retry = this.options.clock.setTimer(RETRY_MS, () => {
        this.retry = undefined;
        this.plan("check");
      });
      return;
    }
    this.checks.done();
    this.accept(batch, results);
    if (this.checks.waiting > 0) this.plan("check");
  }

  private accept(batch: readonly PendingCheck[], results: readonly CheckTxResult[]): void {
    // The state does not change within a batch, whatever the runtime says of later transactions of a sender.
    const stateSeqs = new Map<string, bigint>();
    let accepted = 0;
    batch.forEach((check, i) => {
      const outcome = this.enqueue(check, results[i] as CheckTxResult, stateSeqs);
      if (outcome.error.code !== 0) this.seen.delete(check.hash);
      else if (!check.discard) {
        accepted++;
        if (!check.recheck) this.announce(check);
      }
      settle(check, outcome);
    });
    if (accepted > 0) this.options.checked();
  }

  private enqueue(check: PendingCheck, result: CheckTxResult, stateSeqs: Map<string, bigint>): CheckTxResult {
    if (result.error.code !== 0) return result;
    if (check.discard || check.executed) return result;
    const { meta } = result;
    if (meta === null) return rejection(notQueued("the runtime accepted it without metadata"));
    const sender = toHex(meta.sender);
    const senderStateSeq = stateSeqs.get(sender) ?? meta.senderStateSeq;
    stateSeqs.set(sender, senderStateSeq);
    try {
      this.main.add({ raw: check.raw, hash: check.hash }, { ...meta, senderStateSeq });
      return result;
    } catch (error) {
      if (error instanceof CodedError) return rejection(error);
      throw error;
    }
  }

  private announce(check: PendingCheck): void {
    const now = this.options.clock.nowMs();
    // What came from a peer was gossiped just now.
    if (check.local) this.options.publish(check.raw);
    this.seen.set(check.hash, now);
    this.planRepublish(this.limits.republishMs);
  }

  private planRepublish(ms: number): void {
    this.republish ??= this.options.clock.setTimer(ms, () => {
      this.republish = undefined;
      this.plan("republish");
    });
  }

  private republishAll(): void {
    const now = this.options.clock.nowMs();
    const { republishMs } = this.limits;
    let next = republishMs;
    let count = 0;
    for (const tx of this.main.all()) {
      const since = now - (this.seen.get(tx.hash, 0) ?? NEVER_MS);
      if (since < republishMs) {
        next = Math.min(next, republishMs - since + REPUBLISH_PAUSE_MS);
        continue;
      }
      if (count === REPUBLISH_BATCH) {
        next = REPUBLISH_PAUSE_MS;
        break;
      }
      count++;
      this.options.publish(tx.raw);
      this.seen.set(tx.hash, now);
    }
    if (this.main.size > 0) this.planRepublish(next);
  }
}

function settle(check: PendingCheck, outcome: CheckTxResult | Error): void {
  for (const tell of check.waiting) tell(outcome);
}
