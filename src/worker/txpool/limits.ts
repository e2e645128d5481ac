/** What a transaction pool holds and when it does what (node workers: transaction pool). */
export interface TxPoolLimits {
  /** Most transactions that wait to be scheduled. */
  readonly maxTransactions: number;
  /** Most bytes of all transactions in the pool, those that wait to be checked included. */
  readonly maxBytes: number;
  /** Largest transaction, in bytes. */
  readonly maxTransactionBytes: number;
  /** Most transactions that are remembered as seen. */
  readonly seenTransactions: number;
  /** Most transactions that are checked at once. */
  readonly checkBatch: number;
  /** Everything is checked again after so many rounds. */
  readonly recheckRounds: bigint;
  /** How long until a transaction is gossiped again, in milliseconds. */
  readonly republishMs: number;
}

export const DEFAULT_TX_POOL_LIMITS: TxPoolLimits = {
  maxTransactions: 50_000,
  maxBytes: 64 * 1024 * 1024,
  maxTransactionBytes: 512 * 1024,
  seenTransactions: 100_000,
  checkBatch: 128,
  recheckRounds: 5n,
  republishMs: 125_000,
};
