import type { Entropy } from "#common/ports/entropy.js";
import type { RuntimeLauncher } from "./launcher.js";
import { SupervisedHost, type SupervisedSite, type Watchdog } from "./supervised.js";

/** Pings of a runtime in a process of its own (runtime layer: lifecycle). */
const WATCHDOG: Watchdog = { intervalMs: 15_000, deadlineMs: 5000 };

export interface ProcessHostOptions extends SupervisedSite {
  /** Starts the process, in a sandbox or not. */
  readonly launcher: RuntimeLauncher;
  /** Spreads restarts. */
  readonly entropy?: Entropy;
}

/** Hosts a runtime in a process of its own: any executable that speaks the Runtime Host Protocol. */
export class ProcessHost extends SupervisedHost {
  constructor(options: ProcessHostOptions) {
    super({ ...options, watchdog: WATCHDOG });
  }
}
