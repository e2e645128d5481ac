import { assert } from "./assert.js";

export interface InboxOptions<T> {
  /** Most items that wait; more are refused. */
  readonly capacity: number;
  /** Works on one item; the next one waits until it is done. */
  handle(item: T): void | Promise<void>;
  /** Gets what `handle` throws; the loop goes on. */
  failed(error: unknown, item: T): void;
}

/**
 * A bounded queue with one consumer. Callbacks of the outside world only put items in; all work happens in the loop, so
 * that a component never runs twice at the same time.
 */
export class Inbox<T> {
  // Items before `head` are done; the array is cut when they are half of it, so that taking one stays cheap.
  private items: T[] = [];
  private head = 0;
  private running: Promise<void> | undefined;
  private open = true;

  constructor(private readonly options: InboxOptions<T>) {
    assert(options.capacity > 0, "An inbox must hold at least one item.");
  }

  /** Items that wait, without the one being worked on. */
  get length(): number {
    return this.items.length - this.head;
  }

  /** Adds an item; false when the inbox is full or stopped, and the item is not taken. */
  offer(item: T): boolean {
    if (!this.open || this.length >= this.options.capacity) return false;
    this.items.push(item);
    this.running ??= this.run();
    return true;
  }

  private take(): T {
    const item = this.items[this.head++] as T;
    if (this.head * 2 >= this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return item;
  }

  private async run(): Promise<void> {
    // The caller of `offer` returns first: work never happens inside a callback.
    await Promise.resolve();
    while (this.open && this.length > 0) {
      const item = this.take();
      try {
        await this.options.handle(item);
      } catch (error) {
        this.options.failed(error, item);
      }
    }
    this.running = undefined;
  }

  /** Resolves when nothing waits and nothing is being worked on. */
  async idle(): Promise<void> {
    while (this.running !== undefined) await this.running;
  }

  /** Takes no more items and drops those that wait; resolves when the one being worked on is done. */
  async stop(): Promise<void> {
    this.open = false;
    this.items = [];
    this.head = 0;
    await this.idle();
  }
}
