import type { Clock } from "./clock.js";
import type { Entropy } from "./entropy.js";
import type { Log } from "./log.js";

/** What every part of a node gets from outside: real on a server, simulated in a test. */
export interface World {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
}
