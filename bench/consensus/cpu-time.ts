import { readFileSync } from "node:fs";

const STATISTICS = "/proc/self/schedstat";

function threadNanoseconds(): number | undefined {
  try {
    return Number(readFileSync(STATISTICS, "latin1").split(" ")[0]);
  } catch {
    // Only Linux tells the time of a thread.
    return undefined;
  }
}

/**
 * Seconds that this thread has been running, where the system tells; else of wall time. Other programs on the machine
 * disturb the first much less.
 */
export function cpuSeconds(): number {
  const nanoseconds = threadNanoseconds();
  return nanoseconds === undefined ? performance.now() / 1000 : nanoseconds / 1e9;
}
