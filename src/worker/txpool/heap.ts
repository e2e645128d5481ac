/** A binary heap that can also give up and replace elements anywhere in it. */
export class Heap<T> {
  private readonly items: T[] = [];
  private readonly places = new Map<T, number>();

  /** @param before whether the first argument belongs nearer to the top than the second */
  constructor(private readonly before: (a: T, b: T) => boolean) {}

  get size(): number {
    return this.items.length;
  }

  has(item: T): boolean {
    return this.places.has(item);
  }

  /** The top; undefined when the heap is empty. */
  peek(): T | undefined {
    return this.items[0];
  }

  push(item: T): void {
    this.items.push(item);
    this.rise(this.items.length - 1, item);
  }

  /** Takes an element out; without effect when it is not there. */
  remove(item: T): void {
    const at = this.places.get(item);
    if (at === undefined) return;
    this.places.delete(item);
    const last = this.items.pop() as T;
    if (last === item) return;
    this.sink(at, last);
    this.rise(this.places.get(last) as number, last);
  }

  private put(at: number, item: T): void {
    this.items[at] = item;
    this.places.set(item, at);
  }

  private rise(from: number, item: T): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.items[parent] as T;
      if (!this.before(item, above)) break;
      this.put(at, above);
      at = parent;
    }
    this.put(at, item);
  }

  private sink(from: number, item: T): void {
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.items.length) break;
      const right = this.items[child + 1];
      if (right !== undefined && this.before(right, this.items[child] as T)) child++;
      const below = this.items[child] as T;
      if (!this.before(below, item)) break;
      this.put(at, below);
      at = child;
    }
    this.put(at, item);
  }
}
