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
  readonly keep?: number;
  /** Rounds of the runtime that each node keeps; all when absent. */
  readonly keepRounds?: number;
  /** Port of the metrics; without one nothing is measured. */
  readonly metrics?: number;
  readonly quietLoad: boolean;
  /** Words such as `compute-1=wrong-results`. */
  readonly byzantine: readonly string[];
  /** Words such as `manager=bundle_add,log_view`. */
  readonly permit?: readonly string[];
  readonly log: LogLevel;
  readonly runtimeHost: RuntimeHostKind;
  /** Programs or bundles of the network's runtimes; the key-value runtime when there are none. */
  readonly runtime: readonly string[];
  /** Addresses of registries that bundles are fetched from. */
  readonly registry?: readonly string[];
  /** Largest bundle that is fetched, in MiB. */
  readonly maxBundleSize?: number;
  /** Genesis document that somebody else made. */
  readonly genesis?: string;
  /** Folders with keys of the document's nodes. */
  readonly keys: readonly string[];
  /** Whether the document's validators are replaced by ones of our own. */
  readonly ownValidators: boolean;
  /** Starts of the runtime that may fail everywhere before the network gives up; it never does when absent. */
  readonly patience?: number;
  /** Whether the own runtime of a new network demands receipts of storage nodes; without them it is plain v26.1. */
  readonly receipts: boolean;
}
