import { Fault } from "#common/errors/index.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import { sharedCell } from "../../app/table.js";
import { BeaconParameters, type VrfParameters } from "./types.js";

export const GAS_OP_VRF_PROVE = "vrf_prove";

export const beaconParametersCell = sharedCell(0x43, BeaconParameters);

/** Parameters of the VRF backend, which must be in use. */
export function vrfParameters(state: KeyValueReader): VrfParameters {
  const params = beaconParametersCell.load(state).vrfParameters;
  if (params === undefined) throw new Fault("beacon: VRF parameters are missing");
  return params;
}
