import { toHex } from "#common/bytes.js";
import type { ExecutedTransaction } from "#runtime/transaction/io-tree.js";

/** What became of a transaction. */
export interface ExecutedIn {
  readonly round: bigint;
  readonly transaction: ExecutedTransaction;
}

/** Somebody who waits for a transaction. */
export interface PendingTransaction {
  readonly executed: Promise<ExecutedIn>;
  /** Ends the waiting; the promise is never settled then. */
  forget(): void;
}

/** Transactions that somebody waits to see in a round. */
export class PendingTransactions {
  private readonly waiting = new Map<string, Set<(executed: ExecutedIn) => void>>();

  watch(txHash: Uint8Array): PendingTransaction {
    const id = toHex(txHash);
    let forget = (): void => undefined;
    const executed = new Promise<ExecutedIn>((resolve) => {
      const all = this.waiting.get(id) ?? new Set();
      all.add(resolve);
      this.waiting.set(id, all);
      forget = () => {
        all.delete(resolve);
        if (all.size === 0 && this.waiting.get(id) === all) this.waiting.delete(id);
      };
    });
    return { executed, forget };
  }

  /** A round with these transactions is final. */
  settle(round: bigint, transactions: readonly ExecutedTransaction[]): void {
    if (this.waiting.size === 0) return;
    for (const transaction of transactions) {
      const id = toHex(transaction.hash);
      const all = this.waiting.get(id);
      this.waiting.delete(id);
      for (const resolve of all ?? []) resolve({ round, transaction });
    }
  }
}
