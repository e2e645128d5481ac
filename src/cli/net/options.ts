import type { LogLevel } from "#platform/log.js";

/** Options of `qanat net`, as the command line gives them. */
export interface NetOptions {
  readonly data?: string;
  readonly rounds?: number;
  readonly json: boolean;
  readonly port: number;
  readonly blockInterval?: number;
  readonly quietLoad: boolean;
  readonly log: LogLevel;
}
