import type { Duplex } from "../rhp/transport.js";

/** One run of a runtime, as its host sees it. */
export interface RunningRuntime {
  /** The host's end of the stream to the runtime. */
  readonly stream: Duplex;
  /** Ends the run at once, whatever the runtime does. Without effect after it has ended. */
  kill(): void;
  /** Resolves when nothing of the run is left. */
  readonly ended: Promise<void>;
}

/** Starts a runtime, each time anew and without anything left from the run before. */
export interface RuntimeLauncher {
  /**
   * Starts the runtime; resolves when it has connected.
   *
   * @throws whatever kept it from starting
   */
  launch(): Promise<RunningRuntime>;
}
