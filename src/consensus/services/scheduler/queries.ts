import { compareBytes } from "#common/bytes.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import { type SchedulerGenesis, type SchedulerParameters, schedulerParametersCell } from "./params.js";
import { committees, currentValidators } from "./state.js";
import { COMMITTEE_EXECUTOR, COMMITTEE_STORAGE, type Committee, type Validator } from "./types.js";

/** The validator set in force, in the order of node ids. */
export function getValidators(state: KeyValueReader): Validator[] {
  return Array.from(currentValidators(state).values()).sort((a, b) => compareBytes(a.id, b.id));
}

/** Committees of a runtime in the current epoch: of executors, then of storage nodes. */
export function getCommittees(state: KeyValueReader, runtimeId: Uint8Array): Committee[] {
  const kinds = [COMMITTEE_EXECUTOR, COMMITTEE_STORAGE];
  return kinds.map((kind) => committees.get(state, kind, runtimeId)).filter((found) => found !== undefined);
}

/** Parameters of the scheduler. */
export function getParameters(state: KeyValueReader): SchedulerParameters {
  return schedulerParametersCell.load(state);
}

/** The section that starts a chain with the same rules; committees are elected anew. */
export function toGenesis(state: KeyValueReader): SchedulerGenesis {
  return { params: getParameters(state) };
}

/** All committees of some kinds, in the order of their keys. */
export function committeesOfKinds(state: KeyValueReader, kinds: readonly number[]): Committee[] {
  return kinds.flatMap((kind) => committees.entries(state, kind).map(([, committee]) => committee));
}

/** All committees of the current epoch. */
export function allCommittees(state: KeyValueReader): Committee[] {
  return committees.entries(state).map(([, committee]) => committee);
}
