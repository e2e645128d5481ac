/** Tells a running call that nobody waits for it any more, or that it must end for another reason. */
export class Cancellation {
  #cancelled = false;
  #reason: Error | undefined;
  readonly #listeners = new Set<() => void>();

  get cancelled(): boolean {
    return this.#cancelled;
  }

  /** Why the call ends; undefined when the other side simply went away. */
  get reason(): Error | undefined {
    return this.#reason;
  }

  /** Ends the call; only the first time counts. */
  cancel(reason?: Error): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#reason = reason;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }

  /** Runs `listener` once the call is cancelled, at once if it already is; the result takes the listener back. */
  onCancel(listener: () => void): () => void {
    if (this.#cancelled) {
      listener();
      return () => undefined;
    }
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
