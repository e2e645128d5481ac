/** Upgrades in place: their first block is the first one of their epoch (upgrade: descriptor). */
import { Fault } from "#common/errors/index.js";
import { CONSENSUS_PROTOCOL } from "#common/version.js";
import { type BlockKey, type Context, EPOCH_INVALID } from "../../../app/context.js";
import { currentEpoch } from "../../../app/epoch.js";
import { pendingUpgradeList } from "../../governance/state.js";
import { UpgradeDescriptor } from "../../governance/types.js";
import { handlerOf } from "./handlers.js";

/** Upgrades whose first block this is. */
const dueUpgrades: BlockKey<readonly UpgradeDescriptor[]> = { name: "upgrades: due", initial: () => [] };

/** Whether this node can go on through an upgrade without being replaced by another program. */
export function canCarryOut({ handler, target }: UpgradeDescriptor): boolean {
  return target.consensusProtocol.major === CONSENSUS_PROTOCOL.major && handlerOf(handler) !== undefined;
}

/** The first of equal descriptors: an upgrade may be decided by vote and given to the node as well. */
function distinct(all: readonly UpgradeDescriptor[]): UpgradeDescriptor[] {
  return all.filter((d, i) => all.findIndex((other) => UpgradeDescriptor.equals(other, d)) === i);
}

/**
 * Runs before all services.
 * @param local upgrades that this node was told about outside the chain; all nodes must be told the same
 * @throws Fault when the node does not know an upgrade whose epoch begins
 */
export function beginUpgrades(ctx: Context, local: readonly UpgradeDescriptor[]): void {
  const epoch = currentEpoch(ctx);
  if (epoch === EPOCH_INVALID) return;
  const previous = ctx.env.epochs.epoch(ctx.env.committed);
  // The decided ones are still listed here: governance drops them later in this block.
  const decided = pendingUpgradeList(ctx.state).map(({ descriptor }) => descriptor);
  const due = distinct([...decided, ...local]).filter((d) => previous < d.epoch && d.epoch <= epoch);
  const unknown = due.find((descriptor) => !canCarryOut(descriptor));
  if (unknown !== undefined) {
    throw new Fault(`reached the epoch of upgrade ${unknown.handler}, which this node cannot carry out`);
  }
  ctx.block.set(dueUpgrades, due);
}

/** Runs after all services. */
export function endUpgrades(ctx: Context): void {
  for (const { handler } of ctx.block.get(dueUpgrades)) handlerOf(handler)?.(ctx);
}
