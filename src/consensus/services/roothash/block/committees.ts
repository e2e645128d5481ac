/** New committees, epoch transitions and suspension at the beginning of a block (root hash: begin block). */
import { Fault } from "#common/errors/index.js";
import type { Context } from "../../../app/context.js";
import { hasStorageCommittees } from "../../registry/params.js";
import { runtimeList, suspendRuntime } from "../../registry/state.js";
import { governingAddress } from "../../registry/types/claims.js";
import { type Runtime, RUNTIME_COMPUTE, storageCommitteeOf } from "../../registry/types/runtime.js";
import { committees } from "../../scheduler/state.js";
import { type Committee, COMMITTEE_EXECUTOR, COMMITTEE_STORAGE } from "../../scheduler/types.js";
import { stakingErrors } from "../../staking/errors.js";
import { StakeClaims } from "../../staking/state/index.js";
import { type RootHashParameters, rootHashParameters } from "../params.js";
import { getRuntimeState, lastBlockOf, removeExpiredEvidence, setRuntimeState } from "../state.js";
import { HEADER_EPOCH_TRANSITION, HEADER_SUSPENDED, type RuntimeState } from "../types.js";
import { finalizeEmptyBlock } from "./finalization.js";

/** Active runtimes that have rounds, with their states, in the order of hashed identifiers. */
export function computeRuntimes(ctx: Context): [Runtime, RuntimeState][] {
  const runtimes = runtimeList(ctx.state).filter(({ kind }) => kind === RUNTIME_COMPUTE);
  return runtimes.map((runtime) => {
    const value = getRuntimeState(ctx.state, runtime.id);
    if (value === undefined) throw new Fault("corrupted state: runtime without root hash state");
    return [runtime, value];
  });
}

function isStaked(claims: StakeClaims, runtime: Runtime): boolean {
  const account = governingAddress(runtime);
  // The consensus layer stakes nothing for runtimes of its own. v26.1 stops the chain here, so no chain differs.
  if (account === undefined) return true;
  try {
    claims.check(account);
    return true;
  } catch (error) {
    if (stakingErrors.insufficientStake.is(error)) return false;
    throw error;
  }
}

function mayRun(params: RootHashParameters, claims: StakeClaims, runtime: Runtime): boolean {
  return params.debugDoNotSuspendRuntimes || params.debugBypassStake || isStaked(claims, runtime);
}

/** Whether a runtime that needs a storage committee beside that of its executors has one. */
function hasStorage({ state }: Context, runtime: Runtime, { validFor }: Committee): boolean {
  if (!hasStorageCommittees(state) || storageCommitteeOf(runtime, validFor) === undefined) return true;
  return committees.get(state, COMMITTEE_STORAGE, runtime.id)?.validFor === validFor;
}

function renew(ctx: Context, runtime: Runtime, value: RuntimeState, committee: Committee | undefined): void {
  if (committee === undefined) {
    suspendRuntime(ctx, runtime.id);
    finalizeEmptyBlock(ctx, value, HEADER_SUSPENDED);
  } else {
    // An empty block makes the state final for clients when the committee changes.
    finalizeEmptyBlock(ctx, value, HEADER_EPOCH_TRANSITION);
  }
  value.suspended = committee === undefined;
  value.committee = committee;
  value.livenessStatistics = undefined;
  value.runtime = runtime;
  setRuntimeState(ctx.state, value);
}

/** Gives every active runtime its new committee; one without committee or stake is suspended. */
export function renewCommittees(ctx: Context): void {
  const params = rootHashParameters.load(ctx.state);
  const claims = new StakeClaims(ctx);
  for (const [runtime, value] of computeRuntimes(ctx)) {
    const { round } = lastBlockOf(value).header;
    if (round > params.maxEvidenceAge) removeExpiredEvidence(ctx.state, runtime.id, round - params.maxEvidenceAge);
    const elected = committees.get(ctx.state, COMMITTEE_EXECUTOR, runtime.id);
    const runs = elected !== undefined && hasStorage(ctx, runtime, elected) && mayRun(params, claims, runtime);
    renew(ctx, runtime, value, runs ? elected : undefined);
  }
}
