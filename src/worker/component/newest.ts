import { Inbox } from "#common/inbox.js";

/** Hands on one item at a time; while that takes, only the newest of those that follow waits. */
export class Newest<T> {
  private readonly inbox: Inbox<"news">;
  private waiting: T | undefined;

  constructor(
    private readonly hand: (item: T) => Promise<void>,
    failed: (error: unknown) => void,
  ) {
    this.inbox = new Inbox<"news">({ capacity: 1, handle: () => this.handOn(), failed });
  }

  put(item: T): void {
    this.waiting = item;
    this.inbox.offer("news");
  }

  private async handOn(): Promise<void> {
    const item = this.waiting;
    this.waiting = undefined;
    if (item !== undefined) await this.hand(item);
  }

  /** Takes no more; resolves when what is being handed on is done. */
  stop(): Promise<void> {
    return this.inbox.stop();
  }
}
