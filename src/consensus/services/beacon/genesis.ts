import { InvalidInput } from "#common/errors/index.js";
import type { Context } from "../../app/context.js";
import type { GenesisHooks } from "../../app/define-service.js";
import { initInsecure } from "./block/insecure.js";
import { initVrf } from "./block/vrf.js";
import { beaconParametersCell } from "./params.js";
import { toGenesis } from "./queries.js";
import { BACKEND_INSECURE, BACKEND_VRF, type BeaconGenesis } from "./types.js";

/** Genesis of the beacon. */
export const genesis: GenesisHooks<BeaconGenesis> = {
  initChain(ctx: Context, section: BeaconGenesis): void {
    beaconParametersCell.set(ctx.state, section.params);
    const { backend } = section.params;
    if (backend === BACKEND_VRF) initVrf(ctx, section);
    else if (backend === BACKEND_INSECURE) initInsecure(ctx, section);
    else throw new InvalidInput("beacon.params.backend", `unsupported backend "${backend}"`);
  },
  toGenesis: (ctx) => toGenesis(ctx.state),
};
