import { assert } from "#common/assert.js";
import { binaryText } from "#common/bytes.js";

/** Remembers identities for a time, the latest ones if there are too many. */
export class SeenCache<V> {
  // Insertion order is age order: an entry that is set again moves to the end.
  private readonly entries = new Map<string, { readonly value: V; readonly atMs: number }>();

  /**
   * @param capacity most entries
   * @param ttlMs how long an entry lasts, in milliseconds; for ever when absent
   */
  constructor(
    private readonly capacity: number,
    private readonly ttlMs: number = Number.POSITIVE_INFINITY,
  ) {
    assert(capacity > 0, "A cache must hold at least one entry.");
  }

  get(id: Uint8Array, nowMs: number): V | undefined {
    const entry = this.entries.get(binaryText(id));
    return entry === undefined || nowMs - entry.atMs >= this.ttlMs ? undefined : entry.value;
  }

  set(id: Uint8Array, value: V, nowMs: number): void {
    const key = binaryText(id);
    this.entries.delete(key);
    this.entries.set(key, { value, atMs: nowMs });
    for (const [oldest, { atMs }] of this.entries) {
      if (this.entries.size <= this.capacity && nowMs - atMs < this.ttlMs) break;
      this.entries.delete(oldest);
    }
  }

  delete(id: Uint8Array): void {
    this.entries.delete(binaryText(id));
  }
}
