import { SupervisedHost, type SupervisedHostOptions, type Watchdog } from "./supervised.js";

/** Pings of a runtime in a process of its own (runtime layer: lifecycle). */
const WATCHDOG: Watchdog = { intervalMs: 15_000, deadlineMs: 5000 };

/** The launcher starts the process, in a sandbox or not. */
export type ProcessHostOptions = Omit<SupervisedHostOptions, "watchdog">;

/** Hosts a runtime in a process of its own: any executable that speaks the Runtime Host Protocol. */
export class ProcessHost extends SupervisedHost {
  constructor(options: ProcessHostOptions) {
    super({ ...options, watchdog: WATCHDOG });
  }
}
