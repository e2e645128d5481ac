/** What decides which transaction comes first. */
export interface Rank {
  /** That of the service, by method. */
  readonly priority: bigint;
  readonly price: bigint;
  /** Counts the transactions that came before. */
  readonly arrival: number;
}

/** Whether the first of two comes before the second. */
export function isBetter(a: Rank, b: Rank): boolean {
  if (a.priority !== b.priority) return a.priority > b.priority;
  if (a.price !== b.price) return a.price > b.price;
  return a.arrival < b.arrival;
}

/** A queue and how far it has been taken. */
interface Place<T> {
  readonly queue: readonly T[];
  readonly at: number;
}

function headOf<T>({ queue, at }: Place<T>): T {
  return queue[at] as T;
}

/** Lets the place at an index of a heap sink until no better one is below it. */
function sink<T extends Rank>(heap: Place<T>[], from: number): void {
  let at = from;
  for (;;) {
    let best = at;
    for (const child of [2 * at + 1, 2 * at + 2]) {
      const place = heap[child];
      if (place !== undefined && isBetter(headOf(place), headOf(heap[best] as Place<T>))) best = child;
    }
    if (best === at) return;
    [heap[at], heap[best]] = [heap[best] as Place<T>, heap[at] as Place<T>];
    at = best;
  }
}

/**
 * Merges queues, always taking the best of their heads: the order within each queue stays.
 * @param queues none of them empty
 * @param fits whether an item is wanted; after one that is not, the rest of its queue is left out
 */
export function takeBest<T extends Rank>(queues: Iterable<readonly T[]>, fits: (item: T) => boolean): T[] {
  const heap = Array.from(queues, (queue): Place<T> => ({ queue, at: 0 }));
  for (let i = (heap.length >> 1) - 1; i >= 0; i--) sink(heap, i);
  const out: T[] = [];
  for (let top = heap[0]; top !== undefined; top = heap[0]) {
    const item = headOf(top);
    const wanted = fits(item);
    if (wanted) out.push(item);
    if (wanted && top.at + 1 < top.queue.length) heap[0] = { queue: top.queue, at: top.at + 1 };
    else {
      const last = heap.pop() as Place<T>;
      if (heap.length > 0) heap[0] = last;
    }
    sink(heap, 0);
  }
  return out;
}
