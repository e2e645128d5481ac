import type { Timestamp } from "#common/schema/index.js";
import type { ValidatorUpdate } from "../transaction/results.js";
import type { ConsensusParameters } from "./parameters.js";

/** A genesis document as the state machine takes it: it knows the sections only by name. */
export interface GenesisInput {
  /** Height of the first block. */
  readonly height: bigint;
  readonly time: Timestamp;
  /** Hexadecimal hash of the document. */
  readonly chainContext: string;
  /** First epoch. */
  readonly baseEpoch: bigint;
  readonly parameters: ConsensusParameters;
  /** The engine's first validator set. */
  readonly validators: readonly ValidatorUpdate[];
  /** Section of a service, by the service's name. */
  section(name: string): unknown;
}
