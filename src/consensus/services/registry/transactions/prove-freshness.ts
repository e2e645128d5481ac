import { byteArray } from "#common/schema/index.js";
import { defineTransaction } from "../../../app/define-service.js";
import { registryErrors } from "../errors.js";
import { GAS_PROVE_FRESHNESS, gasCosts, registryParameters } from "../params.js";

/** What is put into the chain so that an enclave can prove how recent its view is, in bytes. */
const BLOB_SIZE = 32;

/** `registry.ProveFreshness`: does nothing, its inclusion in a block is the point. */
export const proveFreshnessTransaction = defineTransaction({
  method: "registry.ProveFreshness",
  body: byteArray(BLOB_SIZE),
  invalidBody: registryErrors.invalidArgument,
  gasOp: GAS_PROVE_FRESHNESS,
  gasCosts,
  inCheckTx: "run",
  inSimulation: "run",
  before(ctx) {
    const enabled = registryParameters.load(ctx.state).teeFeatures?.freshnessProofs === true;
    if (!enabled) throw registryErrors.invalidArgument("freshness proofs are not enabled");
  },
  execute: () => undefined,
});
