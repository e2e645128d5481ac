import { equalBytes } from "#common/bytes.js";
import { unknown } from "#common/errors/index.js";
import type { Context } from "../../../app/context.js";
import { defineTransaction } from "../../../app/define-service.js";
import { currentEpoch } from "../../../app/epoch.js";
import { isFeature261 } from "../../../app/parameters.js";
import { nodeList } from "../../registry/state.js";
import { attestationRules } from "../../registry/types/attestation-rules.js";
import { keyManagerErrors } from "../errors.js";
import { statusEvent } from "../events.js";
import { checkPolicy } from "../logic/secrets.js";
import { generateStatus } from "../logic/status.js";
import { GAS_UPDATE_POLICY, gasCosts } from "../params.js";
import { getStatus, loadKeyManager, setStatus } from "../state.js";
import { KeyManagerStatus, SignedPolicySgx } from "../types/secrets.js";

/** The status of a key manager, or that of one that has none yet. */
export function statusOrNew(ctx: Context, id: Uint8Array): KeyManagerStatus {
  return getStatus(ctx.state, id) ?? { ...KeyManagerStatus.zero(), id };
}

/** Before 26.1 a policy counted at once: the committee was formed anew, without a look at the master secret. */
function appliedAtOnce(ctx: Context, scheduled: KeyManagerStatus): KeyManagerStatus {
  return generateStatus({
    runtime: loadKeyManager(ctx.state, scheduled.id),
    old: scheduled,
    secret: undefined,
    nodes: nodeList(ctx.state),
    epoch: currentEpoch(ctx),
    attestation: attestationRules(ctx, false),
    policy: ctx.env.policy,
  });
}

/** `keymanager.UpdatePolicy`: the owner sets the policy that counts from the next epoch on. */
export const updatePolicyTransaction = defineTransaction({
  method: "keymanager.UpdatePolicy",
  body: SignedPolicySgx,
  invalidBody: keyManagerErrors.invalidArgument,
  gasOp: GAS_UPDATE_POLICY,
  gasCosts,
  inCheckTx: "accept",
  before(ctx, body) {
    const runtime = loadKeyManager(ctx.state, body.policy.id);
    if (!equalBytes(runtime.entityId, ctx.signer)) throw unknown("keymanager: invalid update signer");
    // The serial is compared with the policy in force, not with one that is scheduled.
    checkPolicy(statusOrNew(ctx, runtime.id).policy, body, ctx.env.policy);
  },
  execute(ctx, body) {
    const scheduled = { ...statusOrNew(ctx, body.policy.id), nextPolicy: body };
    const status = isFeature261(ctx.state) ? scheduled : appliedAtOnce(ctx, scheduled);
    setStatus(ctx.state, status);
    ctx.emit(statusEvent, { statuses: [status] });
  },
});
