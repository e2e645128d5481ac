import type { LogLevel } from "#platform/log.js";

/** Where runtimes run: in this process, in one of their own, or in one that is shut in. */
export type RuntimeHostKind = "in-process" | "process" | "sandbox";

/** Options of `qanat net`, as the command line gives them. */
export interface NetOptions {
  readonly data?: string;
  readonly rounds?: number;
  readonly json: boolean;
  readonly port: number;
  readonly blockInterval?: number;
  readonly quietLoad: boolean;
  readonly log: LogLevel;
  readonly runtimeHost: RuntimeHostKind;
}
