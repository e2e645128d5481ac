import type { Clock } from "#common/ports/clock.js";
import type { Metrics } from "#common/ports/metrics.js";
import type { RuntimeHost } from "#runtime/host/host.js";
import { CallFailure } from "#runtime/rhp/errors.js";

/** A runtime host whose calls are counted and timed. */
export function meteredHost(host: RuntimeHost, metrics: Metrics, clock: Clock): RuntimeHost {
  const call: RuntimeHost["call"] = async (kind, value, deadlineMs) => {
    const begun = clock.nowMs();
    const labels = { call: kind };
    try {
      const answer = await host.call(kind, value, deadlineMs);
      metrics.count("rhp_successes", labels);
      return answer;
    } catch (error) {
      if (error instanceof CallFailure && error.problem === "deadline") metrics.count("rhp_timeouts");
      metrics.count("rhp_failures", labels);
      throw error;
    } finally {
      metrics.observe("rhp_latency", (clock.nowMs() - begun) / 1000, labels);
    }
  };
  return {
    runtimeId: host.runtimeId,
    get info() {
      return host.info;
    },
    start: () => host.start(),
    stop: () => host.stop(),
    call,
    abort: (force) => host.abort(force),
    watch: () => host.watch(),
  };
}
