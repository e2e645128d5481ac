import { InvalidInput } from "#common/errors/index.js";
import { type Context, EPOCH_INVALID } from "../../app/context.js";
import type { GenesisCheck, GenesisHooks } from "../../app/define-service.js";
import { initInsecure } from "./block/insecure.js";
import { initVrf } from "./block/vrf.js";
import { beaconParametersCell } from "./params.js";
import { toGenesis } from "./queries.js";
import { BACKEND_INSECURE, BACKEND_VRF, type BeaconGenesis, type VrfParameters } from "./types.js";

function checkVrf(parameters: VrfParameters, { refuse }: GenesisCheck): void {
  const { alphaHqThreshold, interval, proofDelay } = parameters;
  if (alphaHqThreshold === 0n) refuse("params.vrf_parameters.alpha_hq_threshold", "must be above zero");
  if (interval <= 0n) refuse("params.vrf_parameters.interval", "must be above zero");
  if (proofDelay <= 0n) refuse("params.vrf_parameters.proof_delay", "must be above zero");
  if (proofDelay >= interval) refuse("params.vrf_parameters.proof_delay", "must be below the interval");
}

/** Genesis of the beacon. */
export const genesis: GenesisHooks<BeaconGenesis> = {
  check({ base, params }, document) {
    const { backend, debugMockBackend, insecureParameters, vrfParameters } = params;
    if (backend === BACKEND_VRF) {
      if (vrfParameters === undefined) document.refuse("params.vrf_parameters", "missing");
      else checkVrf(vrfParameters, document);
    } else if (backend === BACKEND_INSECURE) {
      if (insecureParameters === undefined) document.refuse("params.insecure_parameters", "missing");
      else if (insecureParameters.interval <= 0n && !debugMockBackend) {
        document.refuse("params.insecure_parameters.interval", "must be above zero");
      }
    } else document.refuse("params.backend", `unknown backend "${backend}"`);
    if (debugMockBackend && !document.debug.dontBlameOasis) {
      document.refuse("params.debug_mock_backend", "only for development networks");
    }
    if (base === EPOCH_INVALID) document.refuse("base", "no valid epoch");
  },
  initChain(ctx: Context, section: BeaconGenesis): void {
    beaconParametersCell.set(ctx.state, section.params);
    const { backend } = section.params;
    if (backend === BACKEND_VRF) initVrf(ctx, section);
    else if (backend === BACKEND_INSECURE) initInsecure(ctx, section);
    else throw new InvalidInput("beacon.params.backend", `unsupported backend "${backend}"`);
  },
  toGenesis: (ctx) => toGenesis(ctx.state),
};
