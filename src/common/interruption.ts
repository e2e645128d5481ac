/**
 * Something that ends all waiting, once. `Promise.race` with a promise that lasts long does the same, but that promise
 * then keeps the result of every race that was ever run with it.
 */
export class Interruption<T> {
  private readonly waiting = new Set<(value: T) => void>();
  private fired: { readonly value: T } | undefined;

  get isFired(): boolean {
    return this.fired !== undefined;
  }

  /** Ends all waiting, now and later, with a value. Only the first call counts. */
  fire(value: T): void {
    if (this.fired !== undefined) return;
    this.fired = { value };
    for (const letGo of this.waiting) letGo(value);
    this.waiting.clear();
  }

  /** Settles as the promise does, or with the value that ends all waiting if that comes first. */
  or<V>(promise: Promise<V>): Promise<V | T> {
    const { fired } = this;
    if (fired !== undefined) {
      // Whatever becomes of it, nobody waits for it any more.
      promise.catch(() => undefined);
      return Promise.resolve(fired.value);
    }
    return new Promise((resolve, reject) => {
      this.waiting.add(resolve);
      const forget = (): boolean => this.waiting.delete(resolve);
      promise.then(
        (value) => {
          forget();
          resolve(value);
        },
        (error: unknown) => {
          forget();
          reject(error instanceof Error ? error : new TypeError(String(error)));
        },
      );
    });
  }
}
