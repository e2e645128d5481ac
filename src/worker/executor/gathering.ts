/** Fewer transactions than this are not worth waiting for more. */
const FEW = 4;
/** So long must no transaction have come, in milliseconds. */
const QUIET_MS = 8;
/** Nobody waits longer for others, in milliseconds. */
const LONGEST_MS = 64;

/**
 * Whether a scheduler takes the transactions at hand or waits a moment for those that are on their way. A round costs
 * all nodes the same work however few transactions it has. Many senders who each wait for their last transaction all
 * send again when a round is over: the first few of them alone would make a round of their own, and the rest another
 * three. A single sender is not kept waiting.
 */
export class Gathering {
  private before: number | undefined;
  private waitedMs = 0;
  private waiting = false;

  /**
   * @param expected transactions in the batch of the round before
   * @param after calls back after so many milliseconds unless the round ends before
   */
  constructor(
    private readonly expected: number,
    private readonly after: (ms: number, callback: () => void) => void,
  ) {}

  get isWaiting(): boolean {
    return this.waiting;
  }

  /**
   * @param size transactions at hand
   * @param most as many as a batch begins with
   * @param again called when it is time to ask again
   * @returns whether to wait
   */
  holds(size: number, most: number, again: () => void): boolean {
    if (this.waiting) return true;
    const { before } = this;
    const isOver = before === undefined ? Math.max(size, this.expected) < FEW : size <= before;
    if (isOver || size >= most || this.waitedMs >= LONGEST_MS) return false;
    this.before = size;
    this.waitedMs += QUIET_MS;
    this.waiting = true;
    this.after(QUIET_MS, () => {
      this.waiting = false;
      again();
    });
    return true;
  }
}
