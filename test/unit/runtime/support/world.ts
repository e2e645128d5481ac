import type { Clock, Timer } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  private now = 1_000_000;
  private timers: { at: number; callback: () => void }[] = [];

  nowMs(): number {
    return this.now;
  }

  setTimer(ms: number, callback: () => void): Timer {
    const timer = { at: this.now + ms, callback };
    this.timers.push(timer);
    return { cancel: () => void (this.timers = this.timers.filter((other) => other !== timer)) };
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.timers.length;
  }

  /** Lets time pass and what it set off settle. */
  async advance(ms: number): Promise<void> {
    this.now += ms;
    const due = this.timers.filter((timer) => timer.at <= this.now);
    this.timers = this.timers.filter((timer) => timer.at > this.now);
    for (const timer of due) timer.callback();
    await settle();
  }
}

/** Lets everything that only waits for promises run. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

/** A log that keeps its warnings and errors. */
export class KeptLog implements Log {
  readonly lines: string[] = [];

  debug(): void {
    // Not kept.
  }

  info(): void {
    // Not kept.
  }

  warn(message: string): void {
    this.lines.push(message);
  }

  error(message: string): void {
    this.lines.push(message);
  }

  child(): Log {
    return this;
  }
}
