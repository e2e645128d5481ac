/** Transactions that were checked and wait to be scheduled (node workers: transaction pool). */
import { toHex } from "#common/bytes.js";
import type { CheckTxMetadata } from "#runtime/rhp/messages/index.js";
import { notQueued } from "./errors.js";
import { Heap } from "./heap.js";

/** A transaction and its name. */
export interface PoolTransaction {
  readonly raw: Uint8Array;
  /** Hash of the raw bytes. */
  readonly hash: Uint8Array;
}

interface Entry {
  readonly tx: PoolTransaction;
  readonly id: string;
  readonly sender: string;
  readonly seq: bigint;
  readonly priority: bigint;
  /** Order of arrival, which decides between equal priorities. */
  readonly arrival: number;
}

interface Sender {
  /** Sequence number that the state expects next. */
  seq: bigint;
  readonly bySeq: Map<bigint, Entry>;
  readonly order: Heap<Entry>;
  /** The entry of this sender that stands in the queue of schedulable ones. */
  offered: Entry | undefined;
}

/** Most transactions that one call schedules. */
const MAX_SCHEDULED = 100;

/**
 * A queue in which each sender has a sequence of transactions. Only the next one of each sender can be scheduled; of
 * those the one of highest priority goes first. When the queue is full, the one of lowest priority of all leaves.
 */
export class MainQueue {
  private readonly entries = new Map<string, Entry>();
  private readonly senders = new Map<string, Sender>();
  private readonly schedulable = new Heap<Entry>(
    (a, b) => a.priority > b.priority || (a.priority === b.priority && a.arrival < b.arrival),
  );
  private readonly evictable = new Heap<Entry>(
    (a, b) => a.priority < b.priority || (a.priority === b.priority && a.arrival > b.arrival),
  );
  /** Last sequence number that the running session scheduled, by sender. */
  private readonly scheduled = new Map<string, bigint>();
  private arrivals = 0;
  private size_ = 0;

  /** @param capacity most transactions */
  constructor(private readonly capacity: number) {}

  get size(): number {
    return this.entries.size;
  }

  /** Bytes of all transactions. */
  get bytes(): number {
    return this.size_;
  }

  get(hash: Uint8Array): PoolTransaction | undefined {
    return this.entries.get(toHex(hash))?.tx;
  }

  /** All transactions in the order of their arrival. */
  all(): PoolTransaction[] {
    return Array.from(this.entries.values())
      .sort((a, b) => a.arrival - b.arrival)
      .map(({ tx }) => tx);
  }

  /**
   * Adds a checked transaction. Those of the sender that the state has passed leave first.
   *
   * @throws CodedError txpool/1 when it is expired, a replacement of no higher priority, or the first to leave a full
   *   queue
   */
  add(tx: PoolTransaction, meta: CheckTxMetadata): void {
    const sender = toHex(meta.sender);
    this.forward(sender, meta.senderStateSeq);
    const queue = this.senders.get(sender) ?? this.addSender(sender, meta.senderStateSeq);
    const entry: Entry = {
      tx,
      id: toHex(tx.hash),
      sender,
      seq: meta.senderSeq,
      priority: meta.priority,
      arrival: this.arrivals++,
    };
    const old = queue.bySeq.get(entry.seq);
    if (entry.seq < queue.seq) {
      this.tidy(sender, queue);
      throw notQueued("transaction expired");
    }
    if (old !== undefined) {
      if (old.priority >= entry.priority) throw notQueued("replacement transaction underpriced");
      this.detach(old, queue);
    }
    this.attach(entry, queue);
    this.offer(sender, queue);
    const lowest = this.entries.size > this.capacity ? this.evictable.peek() : undefined;
    if (lowest === undefined) return;
    this.drop(lowest);
    if (lowest === entry) throw notQueued("transaction underpriced");
  }

  private addSender(sender: string, seq: bigint): Sender {
    const queue: Sender = { seq, bySeq: new Map(), order: new Heap((a, b) => a.seq < b.seq), offered: undefined };
    this.senders.set(sender, queue);
    return queue;
  }

  private attach(entry: Entry, queue: Sender): void {
    this.entries.set(entry.id, entry);
    this.size_ += entry.tx.raw.length;
    queue.bySeq.set(entry.seq, entry);
    queue.order.push(entry);
    this.evictable.push(entry);
  }

  private detach(entry: Entry, queue: Sender): void {
    this.entries.delete(entry.id);
    this.size_ -= entry.tx.raw.length;
    queue.bySeq.delete(entry.seq);
    queue.order.remove(entry);
    this.evictable.remove(entry);
  }

  private drop(entry: Entry): void {
    const queue = this.senders.get(entry.sender);
    if (queue === undefined) return;
    this.detach(entry, queue);
    this.offer(entry.sender, queue);
    this.tidy(entry.sender, queue);
  }

  private tidy(sender: string, queue: Sender): void {
    if (queue.bySeq.size === 0) this.senders.delete(sender);
  }

  /** Puts the sender's next transaction, if it is here, in the queue of schedulable ones. */
  private offer(sender: string, queue: Sender): void {
    const last = this.scheduled.get(sender);
    const next = queue.bySeq.get(last === undefined ? queue.seq : last + 1n);
    if (next === queue.offered) return;
    if (queue.offered !== undefined) this.schedulable.remove(queue.offered);
    if (next !== undefined) this.schedulable.push(next);
    queue.offered = next;
  }

  /**
   * Tells that the state has passed a sender's sequence numbers below the given one.
   *
   * @param sender in hexadecimal
   */
  private forward(sender: string, seq: bigint): void {
    const queue = this.senders.get(sender);
    if (queue === undefined || seq <= queue.seq) return;
    queue.seq = seq;
    for (let first = queue.order.peek(); first !== undefined && first.seq < seq; first = queue.order.peek()) {
      this.detach(first, queue);
    }
    this.offer(sender, queue);
    this.tidy(sender, queue);
  }

  /** Tells that transactions were executed: they leave, and with them earlier ones of the same senders. */
  used(hashes: readonly Uint8Array[]): void {
    for (const hash of hashes) {
      const entry = this.entries.get(toHex(hash));
      if (entry === undefined) continue;
      this.drop(entry);
      this.forward(entry.sender, entry.seq + 1n);
    }
  }

  /** Begins a scheduling session: the best transactions that can go now, at most 100. */
  schedule(limit: number): PoolTransaction[] {
    const senders = Array.from(this.scheduled.keys());
    this.scheduled.clear();
    for (const sender of senders) {
      const queue = this.senders.get(sender);
      if (queue !== undefined) this.offer(sender, queue);
    }
    return this.scheduleMore(limit);
  }

  /** Goes on with the session. */
  scheduleMore(limit: number): PoolTransaction[] {
    const out: PoolTransaction[] = [];
    while (out.length < limit && out.length < MAX_SCHEDULED) {
      const best = this.schedulable.peek();
      if (best === undefined) break;
      out.push(best.tx);
      this.scheduled.set(best.sender, best.seq);
      this.offer(best.sender, this.senders.get(best.sender) as Sender);
    }
    return out;
  }

  /** Takes all transactions out, to be checked again. The session goes on. */
  drain(): PoolTransaction[] {
    const all = this.all();
    for (const entry of Array.from(this.entries.values())) this.drop(entry);
    return all;
  }
}
