import { addressFromPublicKey } from "#common/address.js";
import { CodedError, Fault } from "#common/errors/index.js";
import { raw } from "#common/schema/index.js";
import type { Context } from "../../../app/context.js";
import { defineTransaction } from "../../../app/define-service.js";
import { parameters as stakingParameters } from "../../staking/params.js";
import { removeStakeClaim } from "../../staking/state/index.js";
import { registryErrors } from "../errors.js";
import { entityEvent } from "../events.js";
import { GAS_DEREGISTER_ENTITY, gasCosts } from "../params.js";
import { hasEntityNodes, hasEntityRuntimes, removeEntity } from "../state.js";
import { ENTITY_CLAIM } from "../types/claims.js";

function releaseClaim(ctx: Context, id: Uint8Array): void {
  try {
    removeStakeClaim(ctx, addressFromPublicKey(id), ENTITY_CLAIM);
  } catch (cause) {
    // A registered entity has its claim, so its absence means a broken state.
    if (cause instanceof CodedError) throw new Fault("entity without its stake claim", { cause });
    throw cause;
  }
}

/** `registry.DeregisterEntity`: removes the signer's entity, which must have neither nodes nor runtimes any more. */
export const deregisterEntityTransaction = defineTransaction({
  method: "registry.DeregisterEntity",
  // The body is not looked at.
  body: raw,
  invalidBody: registryErrors.invalidArgument,
  gasOp: GAS_DEREGISTER_ENTITY,
  gasCosts,
  inCheckTx: "accept",
  execute(ctx) {
    const id = ctx.signer;
    if (hasEntityNodes(ctx.state, id)) throw registryErrors.entityHasNodes();
    if (hasEntityRuntimes(ctx.state, id)) throw registryErrors.entityHasRuntimes();
    const entity = removeEntity(ctx.state, id);
    if (entity === undefined) throw registryErrors.noSuchEntity();
    if (!stakingParameters.load(ctx.state).debugBypassStake) releaseClaim(ctx, id);
    ctx.emit(entityEvent, { entity, isRegistration: false });
  },
});
