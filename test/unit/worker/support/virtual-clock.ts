import type { Clock, Timer } from "#common/ports/clock.js";

interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/**
 * A clock whose time passes only when nothing else is left to do: hours of waiting take no time, and what takes long on
 * a busy machine takes none. Everything that waits must wait for this clock or for promises.
 */
export class VirtualClock implements Clock {
  private readonly entries = new Set<Entry>();
  private now: number;
  private order = 0;
  private running = true;

  /** @param startMs time at the beginning, in milliseconds since the Unix epoch */
  constructor(startMs: number) {
    this.now = startMs;
    void this.run();
  }

  nowMs(): number {
    return this.now;
  }

  /** How many timers somebody waits for. */
  get waiting(): number {
    return this.entries.size;
  }

  setTimer(ms: number, callback: () => void): Timer {
    const entry = { atMs: this.now + Math.max(0, ms), order: this.order++, callback };
    this.entries.add(entry);
    return { cancel: () => void this.entries.delete(entry) };
  }

  /** Time stands still from now on. */
  stop(): void {
    this.running = false;
  }

  private async run(): Promise<void> {
    while (this.running) {
      // All promises that can settle do so before the loop of events goes on.
      await new Promise<void>((resolve) => setImmediate(resolve));
      const next = this.next();
      if (next === undefined) continue;
      this.entries.delete(next);
      this.now = Math.max(this.now, next.atMs);
      next.callback();
    }
  }

  private next(): Entry | undefined {
    let first: Entry | undefined;
    for (const entry of this.entries) {
      if (first === undefined || entry.atMs < first.atMs || (entry.atMs === first.atMs && entry.order < first.order)) {
        first = entry;
      }
    }
    return first;
  }
}
