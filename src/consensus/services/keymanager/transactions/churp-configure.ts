import { addressFromPublicKey } from "#common/address.js";
import { equalBytes, toHex } from "#common/bytes.js";
import { unknown } from "#common/errors/index.js";
import type { Context } from "../../../app/context.js";
import { defineTransaction } from "../../../app/define-service.js";
import { currentEpoch } from "../../../app/epoch.js";
import { isFeature261 } from "../../../app/parameters.js";
import { consensusErrors } from "../../../transaction/errors.js";
import { registryErrors } from "../../registry/errors.js";
import type { Runtime } from "../../registry/types/runtime.js";
import { parameters as stakingParameters } from "../../staking/params.js";
import { addStakeClaim } from "../../staking/state/index.js";
import { globalThreshold } from "../../staking/types/account.js";
import { THRESHOLD_KEY_MANAGER_CHURP } from "../../staking/types/thresholds.js";
import { churpCreateEvent, churpUpdateEvent } from "../events.js";
import { checkChurpPolicy, checkCreate, checkUpdate } from "../logic/churp.js";
import { withHandoffAt } from "../logic/handoff.js";
import { churpGasCosts, GAS_CHURP_CREATE, GAS_CHURP_UPDATE } from "../params.js";
import { getChurpStatus, loadKeyManager, setChurpStatus } from "../state.js";
import { ChurpCreate, ChurpStatus, ChurpUpdate, HANDOFFS_DISABLED, type SignedChurpPolicy } from "../types/churp.js";

/** Before 26.1 nobody could be allowed to ask for key shares. */
function checkFeature(ctx: Context, policy: SignedChurpPolicy | undefined): void {
  if (policy === undefined || policy.policy.mayQuery === null || isFeature261(ctx.state)) return;
  throw registryErrors.invalidArgument("may_query is not supported yet");
}

function loadOwned(ctx: Context, runtimeId: Uint8Array): Runtime {
  const runtime = loadKeyManager(ctx.state, runtimeId);
  if (!equalBytes(runtime.entityId, ctx.signer)) throw unknown("keymanager: churp: invalid signer");
  return runtime;
}

/** The next handoff begins with the next epoch: until then nodes may apply. */
function nextHandoff(ctx: Context): bigint {
  return BigInt.asUintN(64, currentEpoch(ctx) + 1n);
}

function newStatus(request: ChurpCreate, handoff: bigint): ChurpStatus {
  const { id, runtimeId, suiteId, threshold, extraShares, handoffInterval, policy } = request;
  return {
    ...ChurpStatus.zero(),
    id,
    runtimeId,
    suiteId,
    threshold,
    extraShares,
    handoffInterval,
    policy,
    nextHandoff: handoff,
  };
}

/** `keymanager/churp.Create`: the owner of a key manager starts an instance. */
export const churpCreateTransaction = defineTransaction({
  method: "keymanager/churp.Create",
  body: ChurpCreate,
  invalidBody: consensusErrors.invalidArgument,
  gasOp: GAS_CHURP_CREATE,
  gasCosts: churpGasCosts,
  inCheckTx: "run",
  before: (ctx, request) => checkFeature(ctx, request.policy),
  execute(ctx, request) {
    const { id, runtimeId } = request;
    const runtime = loadOwned(ctx, runtimeId);
    if (getChurpStatus(ctx.state, runtimeId, id) !== undefined) throw unknown("keymanager: churp: ID must be unique");
    checkCreate(request);
    checkChurpPolicy(request.policy, undefined, ctx.env.policy);
    const status = newStatus(request, request.handoffInterval === 0n ? HANDOFFS_DISABLED : nextHandoff(ctx));
    if (ctx.isCheckTx) return;
    ctx.transaction((child) => {
      if (!stakingParameters.load(child.state).debugBypassStake) {
        const claim = `keymanager.churp.Scheme.${toHex(runtimeId)}.${id}`;
        const owner = addressFromPublicKey(runtime.entityId);
        addStakeClaim(child, owner, claim, [globalThreshold(THRESHOLD_KEY_MANAGER_CHURP)]);
      }
      setChurpStatus(child.state, status);
      child.emit(churpCreateEvent, { status });
    });
  },
});

function withInterval(ctx: Context, status: ChurpStatus, handoffInterval: bigint): ChurpStatus {
  if (handoffInterval === 0n) return { ...withHandoffAt(status, HANDOFFS_DISABLED), handoffInterval };
  // A scheduled handoff stays; the new interval counts from then on.
  if (status.handoffInterval !== 0n) return { ...status, handoffInterval };
  return { ...status, nextHandoff: nextHandoff(ctx), handoffInterval };
}

/** `keymanager/churp.Update`: the owner changes an instance. */
export const churpUpdateTransaction = defineTransaction({
  method: "keymanager/churp.Update",
  body: ChurpUpdate,
  invalidBody: consensusErrors.invalidArgument,
  gasOp: GAS_CHURP_UPDATE,
  gasCosts: churpGasCosts,
  inCheckTx: "run",
  before: (ctx, request) => checkFeature(ctx, request.policy),
  execute(ctx, request) {
    const { id, runtimeId, extraShares, handoffInterval, policy } = request;
    loadOwned(ctx, runtimeId);
    let status = getChurpStatus(ctx.state, runtimeId, id);
    if (status === undefined) throw unknown(`keymanager: churp: non-existing ID: ${id}`);
    checkUpdate(request);
    if (extraShares !== undefined) status = { ...status, extraShares };
    if (handoffInterval !== undefined) status = withInterval(ctx, status, handoffInterval);
    if (policy !== undefined) {
      checkChurpPolicy(policy, status.policy.policy, ctx.env.policy);
      status = { ...status, policy };
    }
    if (ctx.isCheckTx) return;
    setChurpStatus(ctx.state, status);
    ctx.emit(churpUpdateEvent, { status });
  },
});
