import { toHex } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import { consensusErrors } from "../transaction/errors.js";
import { transactionHash } from "../transaction/transaction.js";
import type { Application, CheckResult } from "../app/app.js";

/** Limits of the pool. */
export interface MempoolLimits {
  /** Most transactions. */
  readonly maxTransactions: number;
  /** Most bytes of all transactions together. */
  readonly maxBytes: number;
}

export const DEFAULT_MEMPOOL_LIMITS: MempoolLimits = { maxTransactions: 5000, maxBytes: 64 << 20 };

/** A transaction in the pool. */
export interface PooledTransaction {
  readonly hash: Uint8Array;
  readonly raw: Uint8Array;
  readonly priority: bigint;
}

/** A transaction that left the pool without getting into a block, and why. */
export interface Evicted {
  readonly hash: Uint8Array;
  readonly error: CodedError;
}

/**
 * Transactions that passed the check and wait for a block (consensus: mempool). Higher priority first; among equal ones
 * and within one signer the order of arrival, because each transaction was checked on top of its predecessors.
 */
export class Mempool {
  private readonly pool = new Map<string, PooledTransaction>();
  private bytes = 0;

  constructor(
    private readonly app: Application,
    private readonly limits: MempoolLimits = DEFAULT_MEMPOOL_LIMITS,
  ) {}

  get size(): number {
    return this.pool.size;
  }

  /** Raw transactions in order of arrival. */
  list(): Uint8Array[] {
    return Array.from(this.pool.values(), (tx) => tx.raw);
  }

  has(hash: Uint8Array): boolean {
    return this.pool.has(toHex(hash));
  }

  /**
   * Checks a transaction and keeps it.
   * @throws CodedError of the check; consensus/5 if it is already here, consensus/6 if the pool is full
   */
  add(raw: Uint8Array): PooledTransaction {
    const hash = transactionHash(raw);
    const id = toHex(hash);
    if (this.pool.has(id)) throw consensusErrors.duplicateTx();
    if (this.pool.size >= this.limits.maxTransactions) {
      throw consensusErrors.invalidArgument(
        `the transaction pool is full (${this.limits.maxTransactions} transactions)`,
      );
    }
    if (this.bytes + raw.length > this.limits.maxBytes) {
      throw consensusErrors.invalidArgument(`the transaction pool is full (${this.limits.maxBytes} bytes)`);
    }
    const check = this.app.checkTx(raw);
    if (check.code !== 0) throw new CodedError(check.codespace, check.code, check.log);
    return this.keep(id, hash, raw, check);
  }

  private keep(id: string, hash: Uint8Array, raw: Uint8Array, check: CheckResult): PooledTransaction {
    const tx = { hash, raw, priority: check.priority };
    this.pool.set(id, tx);
    this.bytes += raw.length;
    return tx;
  }

  /** Candidates for the next block, best first, up to a number of bytes. */
  candidates(maxBytes: number): Uint8Array[] {
    const order = Array.from(this.pool.values());
    // The sort is stable, so equal priorities stay in order of arrival.
    order.sort((a, b) => (b.priority > a.priority ? 1 : b.priority < a.priority ? -1 : 0));
    const out: Uint8Array[] = [];
    let size = 0;
    for (const tx of order) {
      size += tx.raw.length;
      if (size > maxBytes) break;
      out.push(tx.raw);
    }
    return out;
  }

  /**
   * After a block: drops what it contained and checks the rest again on the new state.
   * @returns transactions that no longer pass
   */
  afterBlock(included: readonly Uint8Array[]): Evicted[] {
    for (const raw of included) this.drop(toHex(transactionHash(raw)));
    const evicted: Evicted[] = [];
    for (const [id, tx] of Array.from(this.pool)) {
      const check = this.app.checkTx(tx.raw);
      if (check.code === 0) continue;
      this.drop(id);
      evicted.push({ hash: tx.hash, error: new CodedError(check.codespace, check.code, check.log) });
    }
    return evicted;
  }

  private drop(id: string): void {
    const tx = this.pool.get(id);
    if (tx === undefined) return;
    this.pool.delete(id);
    this.bytes -= tx.raw.length;
  }
}
