import { toHex } from "#common/bytes.js";
import type { CheckTxResult } from "#runtime/rhp/messages/index.js";
import type { PoolTransaction } from "./main-queue.js";

/** A transaction that waits for the runtime's check. */
export interface PendingCheck extends PoolTransaction {
  /** Whether somebody submitted it to this very node. */
  local: boolean;
  /** Whether it is only to be checked, not to be queued. */
  readonly discard: boolean;
  /** Whether it was accepted before and is being checked again. */
  readonly recheck: boolean;
  /** Whether it became part of a round meanwhile, so that it must not be queued. */
  executed: boolean;
  readonly waiting: ((outcome: CheckTxResult | Error) => void)[];
}

/** Transactions in the order in which they are checked; those that are being checked are still in it. */
export class CheckQueue {
  private queue: PendingCheck[] = [];
  private running: readonly PendingCheck[] = [];
  private readonly known = new Map<string, PendingCheck>();
  private size_ = 0;

  /** Transactions that wait, without those being checked. */
  get waiting(): number {
    return this.queue.length;
  }

  /** All transactions. */
  get size(): number {
    return this.queue.length + this.running.length;
  }

  get bytes(): number {
    return this.size_;
  }

  /** A transaction that is to be queued once it is checked. */
  get(hash: Uint8Array): PendingCheck | undefined {
    return this.known.get(toHex(hash));
  }

  push(check: PendingCheck): void {
    this.queue.push(check);
    this.size_ += check.raw.length;
    if (!check.discard) this.known.set(toHex(check.hash), check);
  }

  /** The next batch; it stays in the queue until `done` or `putBack`. */
  take(limit: number): readonly PendingCheck[] {
    this.running = this.queue.splice(0, limit);
    return this.running;
  }

  /** The batch was checked. */
  done(): void {
    for (const check of this.running) {
      this.size_ -= check.raw.length;
      const id = toHex(check.hash);
      if (this.known.get(id) === check) this.known.delete(id);
    }
    this.running = [];
  }

  /** The batch could not be checked: it is the next one again. */
  putBack(): void {
    this.queue = [...this.running, ...this.queue];
    this.running = [];
  }

  /** Empties the queue. */
  clear(): PendingCheck[] {
    const all = [...this.running, ...this.queue];
    this.queue = [];
    this.running = [];
    this.known.clear();
    this.size_ = 0;
    return all;
  }

  /** Transactions that are to be queued once they are checked. */
  all(): PendingCheck[] {
    return Array.from(this.known.values());
  }
}
