import { addressFromPublicKey, runtimeAddress } from "#common/address.js";
import { CodedError, Fault } from "#common/errors/index.js";
import type { Context } from "../../../app/context.js";
import { getNode, getNodeStatus, setNodeStatus } from "../../registry/state.js";
import type { Runtime } from "../../registry/types/runtime.js";
import { FREEZE_FOREVER } from "../../registry/types/status.js";
import { slashEscrow, transferFromCommonPool } from "../../staking/state/index.js";
import { SLASH_RUNTIME_STORAGE_UNAVAILABLE, type SlashReason } from "../../staking/types/thresholds.js";
import { rootHashErrors } from "../errors.js";
import { getRuntimeState, runtimeOf } from "../state.js";
import type { OpenChallenge } from "../types/challenges.js";

/** What a runtime takes for a kind of misbehaviour; 0 when it does not punish it. */
export function penaltyFor({ staking }: Runtime, reason: SlashReason): bigint {
  return staking.slashing.get(reason)?.amount ?? 0n;
}

/** Shares slashed stake between the runtime and others; what does not divide stays in the common pool. */
function distribute(
  ctx: Context,
  total: bigint,
  percent: number,
  runtime: Runtime,
  others: readonly Uint8Array[],
): void {
  const own = (total * BigInt(percent)) / 100n;
  transferFromCommonPool(ctx, runtimeAddress(runtime.id), own, false);
  if (others.length === 0) return;
  const each = (total - own) / BigInt(others.length);
  for (const address of others) transferFromCommonPool(ctx, address, each, true);
}

/**
 * Slashes the entity of a node that contradicted itself, and rewards who told.
 * @throws CodedError roothash/10 when the node is not known
 */
export function slashEquivocation(ctx: Context, nodeId: Uint8Array, runtime: Runtime, amount: bigint): void {
  const node = getNode(ctx.state, nodeId);
  if (node === undefined) throw rootHashErrors.invalidEvidence("node is not registered");
  const slashed = slashEscrow(ctx, addressFromPublicKey(node.entityId), amount);
  // Evidence may be of old rounds, so there may be no stake left.
  if (slashed === 0n) return;
  const informer = getNode(ctx.state, ctx.signer);
  const reward = informer === undefined ? ctx.caller : addressFromPublicKey(informer.entityId);
  distribute(ctx, slashed, runtime.staking.rewardEquivocation, runtime, [reward]);
}

/** Slashes entities whose nodes computed something else than what was decided, in favour of those that were right. */
export function slashIncorrectResults(
  ctx: Context,
  bad: readonly Uint8Array[],
  good: readonly Uint8Array[],
  runtime: Runtime,
  amount: bigint,
): void {
  let slashed = 0n;
  for (const entity of bad) slashed += slashEscrow(ctx, addressFromPublicKey(entity), amount);
  if (slashed === 0n) return;
  distribute(ctx, slashed, runtime.staking.rewardBadResults, runtime, good.map(addressFromPublicKey));
}

/** End of the freeze for a kind of misbehaviour in an epoch. */
export function freezeEnd({ staking }: Runtime, reason: SlashReason, epoch: bigint): bigint {
  const interval = staking.slashing.get(reason)?.freezeInterval ?? 0n;
  return epoch > FREEZE_FOREVER - interval ? FREEZE_FOREVER : epoch + interval;
}

function freeze(ctx: Context, nodeId: Uint8Array, until: bigint): void {
  const status = getNodeStatus(ctx.state, nodeId);
  // It may have left since; a longer freeze for something else goes on.
  if (status === undefined || status.freezeEndTime >= until) return;
  setNodeStatus(ctx.state, nodeId, { ...status, freezeEndTime: until });
}

/** What an account cannot take stays in the common pool: a challenge must come to its end, or the chain would not go on. */
function rewardChallenger(ctx: Context, slashed: bigint, runtime: Runtime, challenger: Uint8Array): void {
  try {
    const { rewardEquivocation } = runtime.staking;
    ctx.transaction((child) => distribute(child, slashed, rewardEquivocation, runtime, [challenger]));
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
  }
}

/**
 * Slashes the entity of a storage node that did not answer a challenge, freezes the node and rewards who asked.
 * @returns what was taken
 */
export function punishUnavailable(ctx: Context, challenge: OpenChallenge, epoch: bigint): bigint {
  const { id, node, entityId, challenger } = challenge;
  const value = getRuntimeState(ctx.state, id);
  if (value === undefined) throw new Fault("corrupted state: challenge for a runtime that is not there");
  const runtime = runtimeOf(value);
  const reason = SLASH_RUNTIME_STORAGE_UNAVAILABLE;
  freeze(ctx, node, freezeEnd(runtime, reason, epoch));
  const slashed = slashEscrow(ctx, addressFromPublicKey(entityId), penaltyFor(runtime, reason));
  if (slashed > 0n) rewardChallenger(ctx, slashed, runtime, challenger);
  return slashed;
}

/** Slashes the entity of a node that was not there for its rounds. */
export function slashUnlive(ctx: Context, nodeId: Uint8Array, amount: bigint): void {
  if (amount === 0n) return;
  const node = getNode(ctx.state, nodeId);
  if (node === undefined) throw new Fault("member of a committee is not registered");
  slashEscrow(ctx, addressFromPublicKey(node.entityId), amount);
}
