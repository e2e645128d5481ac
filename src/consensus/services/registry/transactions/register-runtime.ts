import { equalBytes } from "#common/bytes.js";
import type { Context } from "../../../app/context.js";
import { defineTransaction } from "../../../app/define-service.js";
import { epochInState } from "../../../app/epoch.js";
import { isFeature261 } from "../../../app/parameters.js";
import { parameters as stakingParameters } from "../../staking/params.js";
import { addStakeClaim, removeStakeClaim } from "../../staking/state/index.js";
import { registryErrors } from "../errors.js";
import { newRuntimeRegistered, runtimeStartedEvent, runtimeUpdated } from "../events.js";
import { type RuntimeRules, verifyKeyManagerOf, verifyRuntime } from "../logic/runtime-descriptor.js";
import { verifyNewRuntime, verifyRuntimeUpdate, verifyStorageStart } from "../logic/runtime-update.js";
import { GAS_REGISTER_RUNTIME, hasStorageCommittees, type RegistryParameters, registryParameters } from "../params.js";
import { getRuntime, getSuspendedRuntime, removeRuntimeOwner, setRuntime, setRuntimeOwner } from "../state.js";
import { governingAddress, runtimeClaim, runtimeThresholds } from "../types/claims.js";
import { GOVERNANCE_ENTITY, Runtime, RUNTIME_KEY_MANAGER } from "../types/runtime.js";

/** The rules for runtime descriptors in the current state, as of an epoch. */
export function runtimeRules(ctx: Context, params: RegistryParameters, epoch: bigint): RuntimeRules {
  return {
    params,
    epoch,
    feature261: ctx.isInitChain || isFeature261(ctx.state),
    policy: ctx.env.policy,
    dontBlameOasis: ctx.env.debug.dontBlameOasis,
  };
}

/** Whoever governs the runtime now must ask; for a new runtime whoever is to govern it. */
function checkCaller(ctx: Context, governed: Runtime): void {
  const expected = governingAddress(governed);
  if (expected === undefined)
    throw registryErrors.forbidden("only genesis may register runtimes of the consensus layer");
  if (equalBytes(ctx.caller, expected)) return;
  if (governed.governanceModel === GOVERNANCE_ENTITY) throw registryErrors.incorrectTxSigner();
  throw registryErrors.forbidden("caller must be the runtime itself");
}

function moveClaim(ctx: Context, runtime: Runtime, existing: Runtime | undefined): void {
  const owner = governingAddress(runtime);
  if (owner === undefined || stakingParameters.load(ctx.state).debugBypassStake) return;
  const claim = runtimeClaim(runtime.id);
  addStakeClaim(ctx, owner, claim, runtimeThresholds(runtime));
  const before = existing === undefined ? undefined : governingAddress(existing);
  if (before !== undefined && !equalBytes(before, owner)) removeStakeClaim(ctx, before, claim);
}

function indexOwner(ctx: Context, runtime: Runtime, existing: Runtime | undefined, feature261: boolean): void {
  // Before 26.1 entries of former owners stayed.
  if (feature261 && existing !== undefined) {
    if (equalBytes(existing.entityId, runtime.entityId)) return;
    removeRuntimeOwner(ctx.state, runtime.id, existing.entityId);
  }
  setRuntimeOwner(ctx.state, runtime.id, runtime.entityId);
}

/**
 * Registers a runtime or changes its descriptor (registry: RegisterRuntime).
 * @returns the runtime, or undefined when only checks or gas were asked for
 */
export function registerRuntime(ctx: Context, runtime: Runtime): Runtime | undefined {
  const params = registryParameters.load(ctx.state);
  if (params.disableRuntimeRegistration) throw registryErrors.forbidden("runtime registration is disabled");
  const rules = runtimeRules(ctx, params, epochInState(ctx));
  verifyRuntime(runtime, rules);
  if (runtime.kind === RUNTIME_KEY_MANAGER && params.disableKeyManagerRuntimeRegistration) {
    throw registryErrors.forbidden("key manager registration is disabled");
  }
  verifyKeyManagerOf(runtime, ctx.state);
  if (ctx.isCheckTx) return undefined;
  ctx.gas.use(1n, GAS_REGISTER_RUNTIME, params.gasCosts);
  if (ctx.isSimulation) return undefined;
  const active = getRuntime(ctx.state, runtime.id);
  const suspendedRuntime = active === undefined ? getSuspendedRuntime(ctx.state, runtime.id) : undefined;
  const existing = active ?? suspendedRuntime;
  if (!ctx.isInitChain) verifyStorageStart(existing, runtime, rules.epoch, params.debugDeployImmediately);
  if (existing === undefined) {
    verifyNewRuntime(runtime, rules.epoch, ctx.isInitChain || params.debugDeployImmediately);
  } else {
    verifyRuntimeUpdate(existing, runtime, rules);
  }
  if (!ctx.isInitChain) checkCaller(ctx, existing ?? runtime);
  const suspended = suspendedRuntime !== undefined;
  ctx.transaction((child) => {
    moveClaim(child, runtime, existing);
    if (existing === undefined) child.publish(newRuntimeRegistered, runtime);
    child.publish(runtimeUpdated, runtime);
    setRuntime(child.state, runtime, suspended);
    indexOwner(child, runtime, existing, rules.feature261);
    if (!suspended) child.emit(runtimeStartedEvent, { runtime });
  });
  return runtime;
}

/** `registry.RegisterRuntime`: descriptor and key manager are checked even before a transaction enters the pool. */
export const registerRuntimeTransaction = defineTransaction({
  method: "registry.RegisterRuntime",
  body: Runtime,
  extended: (ctx) => hasStorageCommittees(ctx.state),
  invalidBody: registryErrors.invalidArgument,
  gasOp: null,
  inCheckTx: "run",
  inSimulation: "run",
  execute(ctx, runtime) {
    registerRuntime(ctx, runtime);
  },
});
