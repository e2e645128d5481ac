import { expect, test } from "vitest";
import { u64be, utf8 } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import { hash } from "#common/hash.js";
import { MainQueue, type PoolTransaction } from "#worker/txpool/main-queue.js";
import { describeVectors } from "../support/vectors.ts";

interface Tx {
  index: number;
  sender: number;
  seq: number;
  priority: number;
}

interface SchedulerVectors {
  txs: Tx[];
  all_sender_state_seq: number;
  capacity: number;
  schedule_order: number[];
  incremental: { limit: number; gives: number[] }[];
  forward: { sender: number; to: number; removed: number }[];
  handle_tx_used: { index: number; removed: number }[];
  replace: { existing: number; new_priority: number; error: string | null }[];
  full_queue: { capacity: number; cases: { seq: number; priority: number; result?: string; error?: string }[] };
}

function named(index: number | bigint, salt = ""): PoolTransaction {
  const raw = utf8(`transaction-${index}${salt}`);
  return { raw, hash: hash(raw) };
}

function meta(sender: number, seq: number, priority: number, stateSeq = 0) {
  return {
    sender: u64be(BigInt(sender)),
    senderSeq: BigInt(seq),
    priority: BigInt(priority),
    senderStateSeq: BigInt(stateSeq),
  };
}

describeVectors<SchedulerVectors>("runtime/txpool_scheduler.json", (vector) => {
  function filled(): MainQueue {
    const queue = new MainQueue(vector.capacity);
    for (const { index, sender, seq, priority } of vector.txs) {
      queue.add(named(index), meta(sender, seq, priority, vector.all_sender_state_seq));
    }
    return queue;
  }
  const indexOf = ({ hash: name }: PoolTransaction): number =>
    vector.txs.findIndex(({ index }) => named(index).hash.join() === name.join());

  test("the best transactions that can go next are scheduled first", () => {
    expect(filled().schedule(100).map(indexOf)).toEqual(vector.schedule_order);
  });

  test("a session goes on where it was", () => {
    const queue = filled();
    vector.incremental.forEach(({ limit, gives }, i) => {
      const got = i === 0 ? queue.schedule(limit) : queue.scheduleMore(limit);
      expect(got.map(indexOf)).toEqual(gives);
    });
  });

  test("a new session begins from the start", () => {
    const queue = filled();
    queue.schedule(3);
    queue.scheduleMore(1);
    expect(queue.schedule(100).map(indexOf)).toEqual(vector.schedule_order);
  });

  test.each(vector.forward)("sender $sender moving on to $to loses $removed", ({ sender, to, removed }) => {
    const queue = filled();
    const before = queue.size;
    // A transaction of the sender brings the news; its own number lies beyond all others.
    const news = named(-1);
    queue.add(news, { ...meta(sender, 1000, 1_000_000, to) });
    expect(queue.size).toBe(Math.min(before - removed + 1, vector.capacity));
  });

  test.each(vector.handle_tx_used)("using transaction $index removes $removed", ({ index, removed }) => {
    const queue = filled();
    const before = queue.size;
    queue.used([named(index).hash]);
    expect(before - queue.size).toBe(removed);
  });

  test.each(vector.replace)("replacing one of priority 1 by one of $new_priority gives $error", (entry) => {
    const queue = new MainQueue(vector.capacity);
    queue.add(named(0), meta(0, 0, entry.existing));
    const replace = (): void => queue.add(named(1), meta(0, 0, entry.new_priority));
    if (entry.error === null) replace();
    else expect(replace).toThrow(new CodedError("txpool", 1, entry.error));
    expect(queue.all().map(({ raw }) => raw)).toEqual([named(entry.error === null ? 1 : 0).raw]);
  });

  test("a full queue takes better transactions and replacements only", () => {
    const { capacity, cases } = vector.full_queue;
    for (const { seq, priority, error } of cases) {
      const queue = new MainQueue(capacity);
      for (let i = 0; i < capacity; i++) queue.add(named(i), meta(0, i, 10));
      const add = (): void => queue.add(named(99), meta(0, seq, priority));
      if (error === undefined) add();
      else expect(add).toThrow(new CodedError("txpool", 1, error));
      expect(queue.size).toBe(capacity);
      expect(queue.get(named(99).hash) !== undefined).toBe(error === undefined);
    }
  });
});
