import { binaryText } from "#common/bytes.js";
import { CodedError, unknown } from "#common/errors/index.js";
import { RecentMap } from "#common/recent-map.js";
import type { Application } from "../app/app.js";
import { toCodedError } from "../app/execute.js";
import { consensusErrors } from "../transaction/errors.js";
import { gasPrice } from "../transaction/gas.js";
import type { OpenedTransaction, Transaction } from "../transaction/transaction.js";
import { peekTransaction, transactionHash } from "../transaction/transaction.js";
import { isBetter, type Rank, takeBest } from "./mempool-order.js";

/** Limits of the pool. */
export interface MempoolLimits {
  /** Most transactions. */
  readonly maxTransactions: number;
  /** Most bytes of all transactions together. */
  readonly maxBytes: number;
  /** Blocks after which a transaction that is in none of them is given up; never when absent. */
  readonly maxBlocks?: number;
}

/** As many transactions as the engine of the reference takes; it allows more bytes. */
export const DEFAULT_MEMPOOL_LIMITS: MempoolLimits = { maxTransactions: 5000, maxBytes: 64 << 20 };

/** Recent transactions that succeeded and are refused as duplicates; as many as the engine of the reference knows. */
const REMEMBERED = 10_000;
/** Most transactions that one better transaction may displace. */
const MAX_DISPLACED = 16;

/** A transaction in the pool. */
interface PooledTransaction extends Rank {
  readonly hash: Uint8Array;
  readonly id: string;
  readonly raw: Uint8Array;
  readonly opened: OpenedTransaction;
  readonly signer: string;
  readonly gas: bigint;
  /** Height of the last block when it came. */
  readonly since: bigint;
}

/** A transaction that left the pool without getting into a block, and why. */
export interface Evicted {
  readonly hash: Uint8Array;
  readonly error: CodedError;
}

/** A transaction that was taken. */
export interface Admission {
  readonly hash: Uint8Array;
  /** Worse transactions that had to go for it. */
  readonly displaced: readonly Evicted[];
}

/** A transaction of a block, and whether it succeeded. */
export interface Included {
  readonly hash: Uint8Array;
  readonly succeeded: boolean;
}

function displacement({ hash }: PooledTransaction): Evicted {
  const reason = "displaced from the full transaction pool by a better transaction";
  return { hash, error: consensusErrors.invalidArgument(reason) };
}

/**
 * Transactions that passed the check and wait for a block (consensus: mempool): the higher priority of the service first,
 * then the higher gas price, then the earlier one. The transactions of one signer stay in the order of their nonces
 * whatever their ranks, because each was checked on top of its predecessors.
 */
export class Mempool {
  /** In order of arrival. */
  private readonly pool = new Map<string, PooledTransaction>();
  /** Transactions of each signer, by nonce without gaps. */
  private readonly queues = new Map<string, PooledTransaction[]>();
  /** Signers of which the check state counts a transaction that is no longer here; right again after the next block. */
  private readonly displacedSigners = new Set<string>();
  private readonly recent = new RecentMap<true>(REMEMBERED);
  private bytes = 0;
  private arrivals = 0;

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
    return this.pool.has(binaryText(hash));
  }

  /**
   * Checks a transaction and keeps it, displacing worse ones if there is no room.
   * @throws CodedError of the check; consensus/5 if it is already here or was in a recent block, consensus/6 if the pool
   *   is full of better ones
   */
  add(raw: Uint8Array): Admission {
    const hash = transactionHash(raw);
    const id = binaryText(hash);
    if (this.pool.has(id) || this.recent.get(id) === true) throw consensusErrors.duplicateTx();
    const displaced = this.isFull(raw.length) ? this.toDisplace(raw) : [];
    const opened = this.app.openTx(raw);
    if (this.displacedSigners.has(binaryText(opened.signer))) {
      throw consensusErrors.invalidArgument(
        "the transaction pool was full: a transaction before this one was displaced",
      );
    }
    const check = this.app.checkOpened(opened, raw.length);
    if (check.code !== 0) throw new CodedError(check.codespace, check.code, check.log);
    for (const tx of displaced) {
      this.drop(tx.id);
      this.displacedSigners.add(tx.signer);
    }
    this.keep(id, hash, raw, opened);
    return { hash, displaced: displaced.map(displacement) };
  }

  private isFull(size: number): boolean {
    return this.pool.size >= this.limits.maxTransactions || this.bytes + size > this.limits.maxBytes;
  }

  private fullError(size: number): CodedError {
    const { maxTransactions, maxBytes } = this.limits;
    const limit = this.pool.size >= maxTransactions ? `${maxTransactions} transactions` : `${maxBytes} bytes`;
    return consensusErrors.invalidArgument(`the transaction pool is full (limit of ${limit}; ${size} bytes more)`);
  }

  /**
   * The worst transactions that have to go for a new one. Only the last of a signer can go, else its successors would
   * have a gap before them. The new one is not checked yet, so nothing is dropped here.
   * @throws consensus/6 when it is not better than all of them
   */
  private toDisplace(raw: Uint8Array): PooledTransaction[] {
    const { tx, signer } = this.peek(raw);
    const rank = this.rankOf(tx);
    const lengths = new Map<string, number>();
    const chosen: PooledTransaction[] = [];
    let { size } = this.pool;
    let { bytes } = this;
    while (size >= this.limits.maxTransactions || bytes + raw.length > this.limits.maxBytes) {
      const worst = this.worstTail(lengths, binaryText(signer));
      if (worst === undefined || !isBetter(rank, worst) || chosen.length >= MAX_DISPLACED) {
        throw this.fullError(raw.length);
      }
      chosen.push(worst);
      lengths.set(worst.signer, (lengths.get(worst.signer) ?? this.queueOf(worst.signer).length) - 1);
      size--;
      bytes -= worst.raw.length;
    }
    return chosen;
  }

  private peek(raw: Uint8Array): OpenedTransaction {
    try {
      return peekTransaction(raw);
    } catch (error) {
      throw toCodedError(error);
    }
  }

  /** The worst of all last transactions, those of one signer excepted. @param lengths of queues that are to be cut */
  private worstTail(lengths: ReadonlyMap<string, number>, except: string): PooledTransaction | undefined {
    let worst: PooledTransaction | undefined;
    for (const [signer, queue] of this.queues) {
      const tail = signer === except ? undefined : queue[(lengths.get(signer) ?? queue.length) - 1];
      if (tail !== undefined && (worst === undefined || isBetter(worst, tail))) worst = tail;
    }
    return worst;
  }

  private rankOf(tx: Transaction): Rank {
    const price = tx.fee === undefined ? 0n : gasPrice(tx.fee);
    return { priority: this.app.priorityOf(tx.method), price, arrival: this.arrivals };
  }

  private queueOf(signer: string): PooledTransaction[] {
    return this.queues.get(signer) ?? [];
  }

  private keep(id: string, hash: Uint8Array, raw: Uint8Array, opened: OpenedTransaction): void {
    const signer = binaryText(opened.signer);
    const gas = opened.tx.fee?.gas ?? 0n;
    const { priority, price, arrival } = this.rankOf(opened.tx);
    const since = this.app.height;
    const tx: PooledTransaction = { priority, price, arrival, hash, id, raw, opened, signer, gas, since };
    this.arrivals++;
    this.pool.set(id, tx);
    this.bytes += raw.length;
    const queue = this.queues.get(signer);
    if (queue === undefined) this.queues.set(signer, [tx]);
    else queue.push(tx);
  }

  private drop(id: string): void {
    const tx = this.pool.get(id);
    if (tx === undefined) return;
    this.pool.delete(id);
    this.bytes -= tx.raw.length;
    const queue = this.queueOf(tx.signer);
    queue.splice(queue.indexOf(tx), 1);
    if (queue.length === 0) this.queues.delete(tx.signer);
  }

  /**
   * Candidates for the next block, best first. One that does not fit, and the later ones of its signer, are left out.
   * @param maxBytes room for transactions
   */
  candidates(maxBytes: number): Uint8Array[] {
    const { maxBlockGas } = this.app.consensusParameters;
    let bytes = 0;
    let gas = 0n;
    return takeBest(this.queues.values(), ({ raw, gas: wanted }) => {
      if (bytes + raw.length > maxBytes || (maxBlockGas > 0n && gas + wanted > maxBlockGas)) return false;
      bytes += raw.length;
      gas += wanted;
      return true;
    }).map(({ raw }) => raw);
  }

  /**
   * After a block: drops what it contained and what is too old, and checks the rest again on the new state, without
   * verifying signatures again.
   * @returns transactions that no longer pass
   */
  afterBlock(included: readonly Included[]): Evicted[] {
    for (const { hash, succeeded } of included) {
      const id = binaryText(hash);
      if (succeeded) this.recent.set(id, true);
      this.drop(id);
    }
    this.displacedSigners.clear();
    const evicted: Evicted[] = [];
    for (const tx of Array.from(this.pool.values())) {
      const error = this.expired(tx) ?? this.recheck(tx);
      if (error === undefined) continue;
      this.drop(tx.id);
      evicted.push({ hash: tx.hash, error });
    }
    return evicted;
  }

  private expired({ since }: PooledTransaction): CodedError | undefined {
    const { maxBlocks } = this.limits;
    if (maxBlocks === undefined || this.app.height - since < BigInt(maxBlocks)) return undefined;
    return unknown(`mempool: the transaction is in none of ${maxBlocks} blocks`);
  }

  private recheck({ opened, raw }: PooledTransaction): CodedError | undefined {
    const { code, codespace, log } = this.app.checkOpened(opened, raw.length);
    return code === 0 ? undefined : new CodedError(codespace, code, log);
  }
}
