/**
 * A bounded memory of answers: it holds the latest entries, at most `limit` and at least half as many once it has met
 * them. It forgets in bulk: taking single entries from the front of a `Map` costs time that grows with what was taken
 * before.
 */
export class RecentMap<V> {
  private young = new Map<string, V>();
  private old = new Map<string, V>();
  private readonly half: number;

  /** @param limit entries, at least 2 */
  constructor(limit: number) {
    this.half = limit >> 1;
  }

  get(key: string): V | undefined {
    const found = this.young.get(key);
    if (found !== undefined) return found;
    const older = this.old.get(key);
    // What is in use moves up, so it outlives the next bulk.
    if (older !== undefined) this.set(key, older);
    return older;
  }

  set(key: string, value: V): void {
    if (this.young.size >= this.half) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(key, value);
  }
}
