import { assert } from "./assert.js";

/** A subscriber did not take its events in time; it was dropped so that the others need not wait. */
export class SubscriberTooSlow extends Error {
  override readonly name = "SubscriberTooSlow";

  constructor(readonly limit: number) {
    super(`subscriber dropped: more than ${limit} events were waiting for it`);
  }
}

export interface SubscribeOptions<T> {
  /** Most events that wait for this subscriber; 1024 unless told. */
  readonly limit?: number;
  /** Only these events are queued. */
  readonly filter?: (event: T) => boolean;
  /** Events that come before everything published from now on, e.g. the current state. They do not count in `limit`. */
  readonly first?: readonly T[];
}

const DEFAULT_LIMIT = 1024;

interface Waiter<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

/** The events of one subscriber, in the order in which they were published. */
export class Subscription<T> implements AsyncIterableIterator<T, undefined> {
  private queue: T[];
  private head = 0;
  private waiting: Waiter<T>[] = [];
  private ended = false;
  private failure: unknown;
  private readonly limit: number;
  private readonly filter: ((event: T) => boolean) | undefined;

  constructor(
    options: SubscribeOptions<T>,
    private readonly leave: (self: Subscription<T>) => void,
  ) {
    this.queue = [...(options.first ?? [])];
    this.limit = (options.limit ?? DEFAULT_LIMIT) + this.queue.length;
    this.filter = options.filter;
    assert(this.limit > 0, "A subscription must hold at least one event.");
  }

  /** For the hub: hands an event over without ever waiting. */
  push(event: T): void {
    if (this.ended || this.filter?.(event) === false) return;
    const waiter = this.waiting.shift();
    if (waiter !== undefined) {
      waiter.resolve({ done: false, value: event });
      return;
    }
    if (this.queue.length - this.head >= this.limit) this.end(new SubscriberTooSlow(this.limit));
    else this.queue.push(event);
  }

  /** For the hub: no more events come. Those that wait are still delivered, unless there is a failure. */
  end(failure?: unknown): void {
    if (this.ended) return;
    this.ended = true;
    this.failure = failure;
    if (failure !== undefined) {
      this.queue = [];
      this.head = 0;
    }
    this.leave(this);
    const waiting = this.waiting;
    this.waiting = [];
    for (const waiter of waiting) this.settle(waiter);
  }

  private settle(waiter: Waiter<T>): void {
    const failure = this.failure;
    this.failure = undefined;
    if (failure === undefined) waiter.resolve({ done: true, value: undefined });
    else waiter.reject(failure);
  }

  /**
   * The next event. Rejects once with SubscriberTooSlow or with what the hub was closed with; after that, and after
   * `close`, the iteration is done.
   */
  next(): Promise<IteratorResult<T, undefined>> {
    if (this.head < this.queue.length) {
      const value = this.queue[this.head++] as T;
      if (this.head * 2 >= this.queue.length) {
        this.queue = this.queue.slice(this.head);
        this.head = 0;
      }
      return Promise.resolve({ done: false, value });
    }
    return new Promise((resolve, reject) => {
      if (this.ended) this.settle({ resolve, reject });
      else this.waiting.push({ resolve, reject });
    });
  }

  /** Ends the subscription; events that wait are dropped. */
  close(): void {
    this.queue = [];
    this.head = 0;
    this.end();
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/**
 * Publishes events to any number of subscribers. Each has a bounded queue of its own: one that is too slow is dropped
 * with SubscriberTooSlow, and neither the publisher nor the others notice.
 */
export class EventHub<T> {
  private readonly subscribers = new Set<Subscription<T>>();
  private closed = false;

  /** Subscribers at the moment. */
  get size(): number {
    return this.subscribers.size;
  }

  publish(event: T): void {
    for (const subscriber of this.subscribers) subscriber.push(event);
  }

  /** Begins with the next event that is published. On a closed hub the subscription is over at once. */
  subscribe(options: SubscribeOptions<T> = {}): Subscription<T> {
    const subscription = new Subscription<T>(options, (self) => this.subscribers.delete(self));
    if (this.closed) subscription.end();
    else this.subscribers.add(subscription);
    return subscription;
  }

  /** Ends every subscription, with an error when one is given. */
  close(failure?: unknown): void {
    this.closed = true;
    for (const subscriber of this.subscribers) subscriber.end(failure);
  }
}
