import { Fault } from "#common/errors/index.js";
import type { Context } from "../../../app/context.js";
import { beginInsecure } from "./insecure.js";
import { beginVrf } from "./vrf.js";
import { beaconParametersCell } from "../params.js";
import { BACKEND_INSECURE, BACKEND_VRF } from "../types.js";

/** Moves the epoch when its time has come; runs before every other service. */
export function beginBlock(ctx: Context): void {
  const params = beaconParametersCell.load(ctx.state);
  if (params.backend === BACKEND_VRF) beginVrf(ctx, params);
  else if (params.backend === BACKEND_INSECURE) beginInsecure(ctx, params);
  else throw new Fault(`beacon: unsupported backend: '${params.backend}'`);
}
