import type { Cancellation } from "./cancellation.js";
import { rpcErrors } from "./status.js";
import type { Call } from "./server.js";

/** Items that wait for a reader before its stream is dropped. */
export const DEFAULT_FEED_LIMIT = 1024;

/**
 * Turns a source that calls back into the items of a stream. The source never waits: items are buffered up to `limit`,
 * and a client that falls further behind loses its stream with a coded error, so it cannot hold up anything or take
 * memory without end.
 *
 * @param subscribe called at once; gets the function to hand items to, returns how to stop
 */
export function watch<T>(
  call: Call,
  subscribe: (push: (item: T) => void) => () => void,
  limit: number = DEFAULT_FEED_LIMIT,
): AsyncIterable<T> {
  const feed = new Feed<T>(call.cancellation, limit);
  const unsubscribe = subscribe((item) => feed.push(item));
  const forget = call.cancellation.onCancel(() => feed.close());
  // However the stream ends, the source must hear of it.
  feed.onClose(() => {
    forget();
    unsubscribe();
  });
  return feed;
}

class Feed<T> implements AsyncIterable<T> {
  readonly #cancellation: Cancellation;
  readonly #limit: number;
  #waiting: T[] = [];
  #wake: (() => void) | undefined;
  #closed = false;
  #onClose: (() => void) | undefined;

  constructor(cancellation: Cancellation, limit: number) {
    this.#cancellation = cancellation;
    this.#limit = limit;
  }

  push(item: T): void {
    if (this.#closed) return;
    if (this.#waiting.length >= this.#limit) {
      this.#cancellation.cancel(rpcErrors.slowReader(`${this.#limit} items waited`));
      return;
    }
    this.#waiting.push(item);
    this.#wake?.();
  }

  /** Runs `listener` when the feed closes, at once if it has closed already. */
  onClose(listener: () => void): void {
    if (this.#closed) listener();
    else this.#onClose = listener;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting = [];
    this.#wake?.();
    this.#onClose?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    try {
      while (!this.#closed) {
        const batch = this.#waiting;
        if (batch.length === 0) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          this.#wake = undefined;
          continue;
        }
        const item = batch.shift();
        if (item !== undefined) yield item;
      }
    } finally {
      this.close();
    }
  }
}
