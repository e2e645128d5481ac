import { addressFromPublicKey } from "#common/address.js";
import { CodedError, Fault } from "#common/errors/index.js";
import { type Context, EPOCH_INVALID } from "../../app/context.js";
import { newEpoch } from "../../app/epoch.js";
import { parameters as stakingParameters } from "../staking/params.js";
import { StakeClaims } from "../staking/state/index.js";
import { emitNodeListEpoch, nodeEvent } from "./events.js";
import { getNodeStatus, nodeList, removeNode, setNodeStatus } from "./state.js";
import { nodeClaim } from "./types/claims.js";
import { isNodeExpired, type Node } from "./types/node.js";

/** Marks the expiration of a node as processed; false when it already was. */
function processExpiration(ctx: Context, node: Node): boolean {
  const status = getNodeStatus(ctx.state, node.id);
  if (status === undefined) throw new Fault("corrupted state: node without a status");
  if (status.expirationProcessed) return false;
  setNodeStatus(ctx.state, node.id, { ...status, expirationProcessed: true });
  return true;
}

/** Expired nodes stay for the debonding interval, so that they can still be slashed. */
function isRemovable(node: Node, debondingInterval: bigint, epoch: bigint): boolean {
  const end = node.expiration + debondingInterval;
  return end <= EPOCH_INVALID && end < epoch;
}

function releaseClaim(claims: StakeClaims, node: Node): void {
  try {
    claims.remove(addressFromPublicKey(node.entityId), nodeClaim(node.id));
  } catch (cause) {
    if (cause instanceof CodedError) throw new Fault("node without its stake claim", { cause });
    throw cause;
  }
}

/** At an epoch change: announces nodes that expired, removes those that did so long ago (registry: epoch change). */
export function beginBlock(ctx: Context): void {
  const epoch = newEpoch(ctx);
  if (epoch === undefined) return;
  const { debondingInterval, debugBypassStake } = stakingParameters.load(ctx.state);
  const claims = debugBypassStake ? undefined : new StakeClaims(ctx);
  const expired: Node[] = [];
  for (const node of nodeList(ctx.state)) {
    if (!isNodeExpired(node, epoch)) continue;
    if (processExpiration(ctx, node)) expired.push(node);
    if (!isRemovable(node, debondingInterval, epoch)) continue;
    removeNode(ctx.state, node);
    if (claims !== undefined) releaseClaim(claims, node);
  }
  claims?.commit();
  for (const node of expired) ctx.emit(nodeEvent, { node, isRegistration: false });
  emitNodeListEpoch(ctx);
}
