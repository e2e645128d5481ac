import { addressFromPublicKey } from "#common/address.js";
import { equalBytes } from "#common/bytes.js";
import type { Context } from "../../../app/context.js";
import { defineTransaction } from "../../../app/define-service.js";
import { parameters as stakingParameters } from "../../staking/params.js";
import { addStakeClaim } from "../../staking/state/index.js";
import { globalThreshold } from "../../staking/types/account.js";
import { THRESHOLD_ENTITY } from "../../staking/types/thresholds.js";
import { registryErrors } from "../errors.js";
import { entityEvent } from "../events.js";
import { verifyEntity } from "../logic/entity-descriptor.js";
import { GAS_REGISTER_ENTITY, GAS_REGISTER_NODE, gasCosts } from "../params.js";
import { entities } from "../state.js";
import { ENTITY_CLAIM } from "../types/claims.js";
import { SignedEntity } from "../types/signed.js";

/** Registers an entity or replaces its descriptor (registry: RegisterEntity). */
export function registerEntity(ctx: Context, envelope: SignedEntity): void {
  const entity = verifyEntity(envelope, ctx.env.policy);
  if (ctx.isCheckTx) return;
  const costs = gasCosts(ctx);
  ctx.gas.use(1n, GAS_REGISTER_ENTITY, costs);
  ctx.gas.use(BigInt(entity.nodes.length), GAS_REGISTER_NODE, costs);
  if (ctx.isSimulation) return;
  if (!ctx.isInitChain && !equalBytes(envelope.signature.publicKey, ctx.signer)) {
    throw registryErrors.incorrectTxSigner();
  }
  if (!stakingParameters.load(ctx.state).debugBypassStake) {
    addStakeClaim(ctx, addressFromPublicKey(entity.id), ENTITY_CLAIM, [globalThreshold(THRESHOLD_ENTITY)]);
  }
  entities.set(ctx.state, [entity.id], envelope);
  ctx.emit(entityEvent, { entity, isRegistration: true });
}

/** `registry.RegisterEntity`: the signature is checked even before a transaction enters the pool. */
export const registerEntityTransaction = defineTransaction({
  method: "registry.RegisterEntity",
  body: SignedEntity,
  invalidBody: registryErrors.invalidArgument,
  gasOp: null,
  inCheckTx: "run",
  inSimulation: "run",
  execute: registerEntity,
});
