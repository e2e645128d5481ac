import type { Clock } from "#common/ports/clock.js";

/** Longest delay of a timer of Node.js, in milliseconds; longer ones would fire at once. */
const TIMER_MAX_MS = 2_147_483_647;

/** The wall clock and the timers of this process. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  setTimer(ms, callback) {
    let handle: NodeJS.Timeout;
    const arm = (left: number): void => {
      const step = Math.min(Math.max(left, 0), TIMER_MAX_MS);
      handle = setTimeout(() => (left > step ? arm(left - step) : callback()), step);
    };
    arm(ms);
    return { cancel: () => clearTimeout(handle) };
  },
};
