import type { KeyValueReader } from "#mkvs/key-value.js";
import { beaconErrors } from "./errors.js";
import { beaconParametersCell } from "./params.js";
import { beaconCell, epochOf, futureEpochCell, vrfStateCell } from "./state.js";
import type { BeaconGenesis, BeaconParameters, EpochHeight, VrfState } from "./types.js";

/** The current epoch. */
export function getEpoch(state: KeyValueReader): bigint {
  return epochOf(state).epoch;
}

/** The scheduled next epoch, if any. */
export function getFutureEpoch(state: KeyValueReader): EpochHeight | undefined {
  return futureEpochCell.get(state);
}

/** The random beacon, 32 bytes; throws beacon/2 before the first transition. */
export function getBeacon(state: KeyValueReader): Uint8Array {
  const beacon = beaconCell.get(state);
  if (beacon === undefined) throw beaconErrors.unavailable();
  return beacon;
}

/** State of the VRF backend, which nodes need to prove. */
export function getVrfState(state: KeyValueReader): VrfState | undefined {
  return vrfStateCell.get(state);
}

/** Parameters of the beacon. */
export function getParameters(state: KeyValueReader): BeaconParameters {
  return beaconParametersCell.load(state);
}

/** The height at which the current epoch began. */
export function getEpochHeight(state: KeyValueReader): bigint {
  return epochOf(state).height;
}

/** The section that starts a chain in the same epoch. */
export function toGenesis(state: KeyValueReader): BeaconGenesis {
  return { base: getEpoch(state), params: getParameters(state) };
}
