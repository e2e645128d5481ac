import type { Clock } from "#common/ports/clock.js";
import type { RuntimeHost } from "#runtime/host/host.js";

/**
 * Waits until a runtime runs, as while it is being started anew. One that fails to start is not waited for any longer.
 *
 * @param waitMs longest wait, in milliseconds
 * @param watchCancel is handed what ends the waiting early
 * @returns whether it runs
 */
export async function untilRunning(
  host: RuntimeHost,
  clock: Clock,
  waitMs: number,
  watchCancel: (cancel: () => void) => unknown,
): Promise<boolean> {
  if (host.info !== undefined) return true;
  const events = host.watch();
  const timer = clock.setTimer(waitMs, () => events.close());
  watchCancel(() => events.close());
  try {
    for await (const { type } of events) {
      if (type !== "stopped") break;
    }
  } finally {
    timer.cancel();
    events.close();
  }
  return host.info !== undefined;
}
