import { toHex } from "#common/bytes.js";
import type { CodedError } from "#common/errors/index.js";
import type { ExecutedTransaction } from "#runtime/transaction/io-tree.js";

/** What became of a transaction. */
export interface ExecutedIn {
  readonly round: bigint;
  readonly transaction: ExecutedTransaction;
}

/** Somebody who waits for a transaction. */
export interface PendingTransaction {
  readonly executed: Promise<ExecutedIn>;
  /** Ends the waiting of one that lost interest; the promise is never settled then. */
  forget(): void;
}

interface Waiter {
  readonly resolve: (executed: ExecutedIn) => void;
  readonly reject: (error: CodedError) => void;
}

/** Transactions that somebody waits to see in a round. */
export class PendingTransactions {
  private readonly waiting = new Map<string, Set<Waiter>>();
  private closed: CodedError | undefined;

  /** The promise fails when all waiting is over before the transaction is in a round. */
  watch(txHash: Uint8Array): PendingTransaction {
    const id = toHex(txHash);
    let forget = (): void => undefined;
    const executed = new Promise<ExecutedIn>((resolve, reject) => {
      if (this.closed !== undefined) {
        reject(this.closed);
        return;
      }
      const waiter = { resolve, reject };
      const all = this.waiting.get(id) ?? new Set();
      all.add(waiter);
      this.waiting.set(id, all);
      forget = () => {
        all.delete(waiter);
        if (all.size === 0 && this.waiting.get(id) === all) this.waiting.delete(id);
      };
    });
    // Whoever is still at the check of the transaction hears of the end of all waiting later.
    executed.catch(() => undefined);
    return { executed, forget };
  }

  /** Ends all waiting, now and later, with an error: nobody will say any more what becomes of a transaction. */
  close(error: CodedError): void {
    this.closed ??= error;
    for (const all of this.waiting.values()) for (const { reject } of all) reject(error);
    this.waiting.clear();
  }

  /** A round with these transactions is final. */
  settle(round: bigint, transactions: readonly ExecutedTransaction[]): void {
    if (this.waiting.size === 0) return;
    for (const transaction of transactions) {
      const id = toHex(transaction.hash);
      const all = this.waiting.get(id);
      this.waiting.delete(id);
      for (const { resolve } of all ?? []) resolve({ round, transaction });
    }
  }
}
