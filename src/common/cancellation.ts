/** The work was called off before it ended. */
export class Cancelled extends Error {
  override readonly name = "Cancelled";

  constructor() {
    super("cancelled");
  }
}

/** Passed down to whoever should stop when the one above stops. */
export interface CancellationToken {
  readonly cancelled: boolean;
  /**
   * Calls back once when the work is called off, at once if it already was.
   *
   * @returns takes the callback back
   */
  onCancel(callback: () => void): () => void;
  /** Throws Cancelled when the work was called off. */
  throwIfCancelled(): void;
}

/** Calls work off. Its own part, a token, goes to the work; children stop with their parent but not the reverse. */
export class Cancellation {
  readonly token: CancellationToken;
  private readonly callbacks = new Set<() => void>();
  private done = false;
  private detach: () => void = () => undefined;

  constructor(parent?: CancellationToken) {
    const cancelled = (): boolean => this.done;
    this.token = {
      get cancelled() {
        return cancelled();
      },
      onCancel: (callback) => this.add(callback),
      throwIfCancelled: () => {
        if (this.done) throw new Cancelled();
      },
    };
    if (parent !== undefined) this.detach = parent.onCancel(() => this.cancel());
  }

  private add(callback: () => void): () => void {
    if (this.done) {
      callback();
      return () => undefined;
    }
    // Each registration counts on its own, even of the same function.
    const own = (): void => callback();
    this.callbacks.add(own);
    return () => {
      this.callbacks.delete(own);
    };
  }

  /** Without effect the second time. Callbacks run in the order in which they were given. */
  cancel(): void {
    if (this.done) return;
    this.done = true;
    this.detach();
    const callbacks = [...this.callbacks];
    this.callbacks.clear();
    for (const callback of callbacks) callback();
  }
}
