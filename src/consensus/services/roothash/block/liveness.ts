/** Judgement of how live workers were, before the next committees are elected (root hash: liveness). */
import { Fault } from "#common/errors/index.js";
import type { Context } from "../../../app/context.js";
import { getNodeStatus, setNodeStatus } from "../../registry/state.js";
import type { Runtime } from "../../registry/types/runtime.js";
import { isNodeSuspended, type NodeStatus, withFailure, withSuccess } from "../../registry/types/status.js";
import { COMMITTEE_WORKER } from "../../scheduler/types.js";
import { SLASH_RUNTIME_LIVENESS } from "../../staking/types/thresholds.js";
import { failureLimit, isEvaluated, isLive } from "../logic/liveness.js";
import { runtimeOf } from "../state.js";
import type { RuntimeState } from "../types.js";
import { computeRuntimes } from "./committees.js";
import { freezeEnd, penaltyFor, slashUnlive } from "./slashing.js";

function failed(ctx: Context, runtime: Runtime, epoch: bigint, nodeId: Uint8Array, before: NodeStatus): NodeStatus {
  const status = withFailure(before, runtime.id, epoch);
  const failures = status.faults.get(runtime.id)?.failures ?? 0;
  if (failures < failureLimit(runtime.executor)) return status;
  slashUnlive(ctx, nodeId, penaltyFor(runtime, SLASH_RUNTIME_LIVENESS));
  return { ...status, freezeEndTime: freezeEnd(runtime, SLASH_RUNTIME_LIVENESS, epoch) };
}

function evaluate(ctx: Context, epoch: bigint, value: RuntimeState): void {
  const { committee, commitmentPool, livenessStatistics: statistics, suspended } = value;
  if (committee === undefined || commitmentPool === undefined || statistics === undefined || suspended) return;
  // The rules are those of the epoch that ends.
  const runtime = runtimeOf(value);
  if (!isEvaluated(statistics, runtime.executor)) return;
  for (const [seat, { role, publicKey }] of (committee.members ?? []).entries()) {
    // Workers come before backup workers.
    if (role !== COMMITTEE_WORKER) break;
    const status = getNodeStatus(ctx.state, publicKey);
    if (status === undefined) throw new Fault("member of a committee has no status");
    if (isNodeSuspended(status, runtime.id, epoch)) continue;
    const after = isLive(statistics, seat, runtime.executor)
      ? withSuccess(status, runtime.id, epoch)
      : failed(ctx, runtime, epoch, publicKey, status);
    setNodeStatus(ctx.state, publicKey, after);
  }
}

/** Records successes and failures of all workers in the epoch that ends; too many failures freeze a node. */
export function evaluateLiveness(ctx: Context, epoch: bigint): void {
  for (const [, value] of computeRuntimes(ctx)) evaluate(ctx, epoch, value);
}
