import { readFileSync } from "node:fs";

/** Memory of a process that is its own (RssAnon + RssShmem), in bytes; undefined where the system does not tell. */
export function ownMemoryOf(pid: number | "self"): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const kb = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0);
    const own = kb("RssAnon") + kb("RssShmem");
    return own > 0 ? own * 1024 : undefined;
  } catch {
    // Not Linux, or the process is gone.
    return undefined;
  }
}

/** Memory of this process that is its own, in bytes; all of it where the system does not tell. */
export function ownMemory(): number {
  return ownMemoryOf("self") ?? process.memoryUsage.rss();
}

/** Watches how much memory the process owned at most. */
export class MemoryPeak {
  private peak = ownMemory();
  private readonly timer: NodeJS.Timeout;

  constructor(everyMs = 200) {
    this.timer = setInterval(() => this.sample(), everyMs);
    this.timer.unref();
  }

  private sample(): void {
    this.peak = Math.max(this.peak, ownMemory());
  }

  /** Peak so far, in MiB. */
  get mib(): number {
    this.sample();
    return Math.round((this.peak / 1048576) * 10) / 10;
  }

  stop(): void {
    clearInterval(this.timer);
  }
}
