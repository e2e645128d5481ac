import { equalBytes } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import type { Context } from "../../app/context.js";
import { newEpoch } from "../../app/epoch.js";
import { isFeature261 } from "../../app/parameters.js";
import { nodeList, runtimeList, suspendRuntime } from "../registry/state.js";
import { attestationRules } from "../registry/types/attestation-rules.js";
import { governingAddress } from "../registry/types/claims.js";
import { type Runtime, RUNTIME_KEY_MANAGER } from "../registry/types/runtime.js";
import { parameters as stakingParameters } from "../staking/params.js";
import { checkStakeClaims } from "../staking/state/index.js";
import { churpUpdateEvent, statusEvent } from "./events.js";
import { finalizedHandoff, minApplicants, withHandoffAt } from "./logic/handoff.js";
import { generateStatus } from "./logic/status.js";
import { churpStatusList, getStatus, masterSecrets, setChurpStatus, setStatus } from "./state.js";
import type { ChurpStatus } from "./types/churp.js";
import { KeyManagerStatus } from "./types/secrets.js";

function coversItsClaims(ctx: Context, address: Uint8Array): boolean {
  try {
    checkStakeClaims(ctx, address);
    return true;
  } catch (error) {
    if (error instanceof CodedError) return false;
    throw error;
  }
}

function keyManagers(ctx: Context): Runtime[] {
  return runtimeList(ctx.state).filter((runtime) => runtime.kind === RUNTIME_KEY_MANAGER);
}

/** Key managers whose owner has too little stake sit out until a node registers for them again. */
function suspendUnfunded(ctx: Context): void {
  if (stakingParameters.load(ctx.state).debugBypassStake) return;
  for (const runtime of keyManagers(ctx)) {
    const owner = governingAddress(runtime);
    if (owner !== undefined && !coversItsClaims(ctx, owner)) suspendRuntime(ctx, runtime.id);
  }
}

function updateStatuses(ctx: Context, epoch: bigint): void {
  const nodes = nodeList(ctx.state);
  const attestation = attestationRules(ctx, isFeature261(ctx.state));
  const changed: KeyManagerStatus[] = [];
  for (const runtime of keyManagers(ctx)) {
    const before = getStatus(ctx.state, runtime.id);
    const status = generateStatus({
      runtime,
      old: before ?? { ...KeyManagerStatus.zero(), id: runtime.id },
      secret: masterSecrets.get(ctx.state, runtime.id),
      nodes,
      epoch,
      attestation,
      policy: ctx.env.policy,
    });
    const same = before !== undefined && equalBytes(KeyManagerStatus.encode(before), KeyManagerStatus.encode(status));
    if (same) continue;
    setStatus(ctx.state, status);
    changed.push(status);
  }
  if (changed.length > 0) ctx.emit(statusEvent, { statuses: changed });
}

/** The status of an instance in a new epoch; undefined when nothing changes. */
function churpInEpoch(status: ChurpStatus, epoch: bigint): ChurpStatus | undefined {
  if (status.handoffInterval === 0n) return undefined;
  if (epoch === status.nextHandoff) {
    // Applications are closed now; with too few of them everybody gets another epoch to apply.
    return status.applications.size >= minApplicants(status) ? undefined : withHandoffAt(status, epoch + 1n);
  }
  if (epoch !== BigInt.asUintN(64, status.nextHandoff + 1n)) return undefined;
  // The handoff's epoch is over without the confirmation of all; perhaps there are enough.
  return finalizedHandoff(status, true) ?? withHandoffAt(status, epoch + 1n);
}

function updateChurp(ctx: Context, epoch: bigint): void {
  for (const runtime of runtimeList(ctx.state)) {
    for (const before of churpStatusList(ctx.state, runtime.id)) {
      const status = churpInEpoch(before, epoch);
      if (status === undefined) continue;
      setChurpStatus(ctx.state, status);
      ctx.emit(churpUpdateEvent, { status });
    }
  }
}

/** At an epoch change: suspends, forms committees, closes or repeats handoffs (key manager: epoch). */
export function beginBlock(ctx: Context): void {
  const epoch = newEpoch(ctx);
  if (epoch === undefined) return;
  suspendUnfunded(ctx);
  updateStatuses(ctx, epoch);
  updateChurp(ctx, epoch);
}
