import { CallFailure } from "../rhp/errors.js";
import type { RuntimeHost } from "./host.js";

/**
 * Starts a runtime and waits until it runs or its first start has failed: a node goes on without a runtime that does not
 * run yet, and its host keeps trying.
 */
export async function firstAttempt(host: RuntimeHost): Promise<void> {
  const events = host.watch();
  const started = host.start().catch((error: unknown) => {
    // The host was stopped before the runtime ever ran: nobody waits for it any more.
    if (!(error instanceof CallFailure)) throw error;
  });
  const failed = (async () => {
    for await (const { type } of events) if (type === "failed-to-start") return;
  })();
  try {
    await Promise.race([started, failed]);
  } finally {
    await events.return?.();
  }
}
