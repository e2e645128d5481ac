import type { Duplex } from "../rhp/transport.js";

/** One run of a runtime, as its host sees it. */
export interface RunningRuntime {
  /** The host's end of the stream to the runtime. */
  readonly stream: Duplex;
  /** Ends the run at once, whatever the runtime does. Without effect after it has ended. */
  kill(): void;
  /** Resolves when nothing of the run is left. */
  readonly ended: Promise<void>;
  /** How the run ended by itself, e.g. "exit code 1", and what it said last; known once it has ended. */
  readonly end?: () => RuntimeEnd;
}

/** What is left of a run. */
export interface RuntimeEnd {
  /** Undefined when the host ended it. */
  readonly how: string | undefined;
  /** The last lines that it wrote to its standard error, the latest last. */
  readonly lastWords: readonly string[];
}

/** A runtime that did not get so far that it could be asked anything. */
export class LaunchFailure extends Error {
  override readonly name = "LaunchFailure";

  /** @param lastWords the last lines that the runtime wrote to its standard error */
  constructor(
    reason: string,
    readonly lastWords: readonly string[],
    options?: { cause?: unknown },
  ) {
    super(reason, options);
  }
}

/** Starts a runtime, each time anew and without anything left from the run before. */
export interface RuntimeLauncher {
  /**
   * Starts the runtime; resolves when it has connected.
   *
   * @throws whatever kept it from starting
   */
  launch(): Promise<RunningRuntime>;
  /** Ends a start that is under way, which then fails; without effect when there is none. */
  cancel?(): void;
}
