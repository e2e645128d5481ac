/** The browser's own means as ports. */
import type { FetchAnswer, WebWorld } from "#sdk/grpc-web-channel.js";

// Declared here, where there is a browser, and nowhere below.
declare function fetch(
  url: string,
  request: {
    readonly method: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Uint8Array;
    readonly signal: unknown;
  },
): Promise<FetchAnswer>;
declare class AbortController {
  readonly signal: unknown;
  abort(): void;
}
declare function setTimeout(callback: () => void, ms: number): number;
declare function clearTimeout(timer: number): void;
declare const Date: { now(): number };

/** Longest delay of a browser's timers, in milliseconds; longer ones would fire at once. */
const TIMER_MAX_MS = 2_147_483_647;

/** Requests by `fetch`, the tab's clock. */
export const webWorld: WebWorld = {
  clock: {
    nowMs: () => Date.now(),
    setTimer(ms, callback) {
      const timer = setTimeout(callback, Math.min(ms, TIMER_MAX_MS));
      return { cancel: () => clearTimeout(timer) };
    },
  },
  post(url, { headers, body }) {
    const controller = new AbortController();
    const answer = fetch(url, { method: "POST", headers, body, signal: controller.signal });
    return { answer, abort: () => controller.abort() };
  },
};
