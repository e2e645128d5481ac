/** Punishment of validators for what the consensus engine proved (staking: slashing). */
import { addressFromPublicKey } from "#common/address.js";
import type { Context, Misbehavior } from "../../../app/context.js";
import { getNodeStatus, nodeByConsensusAddress, setNodeStatus } from "../../registry/state.js";
import { FREEZE_FOREVER } from "../../registry/types/status.js";
import { parameters } from "../params.js";
import { slashEscrow } from "../state/index.js";
import { SLASH_CONSENSUS_EQUIVOCATION, SLASH_CONSENSUS_LIGHT_CLIENT_ATTACK } from "../types/index.js";

/** Slashes the entity of a validator and freezes its node; who is unknown or frozen already is left alone. */
export function punishMisbehavior(ctx: Context, { kind, address }: Misbehavior): void {
  const node = nodeByConsensusAddress(ctx.state, address);
  if (node === undefined) return;
  const status = getNodeStatus(ctx.state, node.id);
  if (status === undefined || status.freezeEndTime > 0n) return;
  const reason = kind === "duplicate-vote" ? SLASH_CONSENSUS_EQUIVOCATION : SLASH_CONSENSUS_LIGHT_CLIENT_ATTACK;
  const penalty = parameters.load(ctx.state).slashing.get(reason);
  const interval = penalty?.freezeInterval ?? 0n;
  if (interval > 0n) {
    // The epoch of the last block counts, also in a block that begins a new one.
    const end = ctx.env.epochs.epoch(ctx.env.committed) + interval;
    status.freezeEndTime = end < FREEZE_FOREVER ? end : FREEZE_FOREVER;
  }
  slashEscrow(ctx, addressFromPublicKey(node.entityId), penalty?.amount ?? 0n);
  setNodeStatus(ctx.state, node.id, status);
}
