import type { Service } from "../app/define-service.js";
import { beacon } from "./beacon/index.js";
import { governance } from "./governance/index.js";
import { keymanager } from "./keymanager/index.js";
import { registry } from "./registry/index.js";
import { roothash } from "./roothash/index.js";
import { scheduler } from "./scheduler/index.js";
import { staking } from "./staking/index.js";
import type { UpgradeDescriptor } from "./governance/types.js";
import { upgrades } from "./upgrades/index.js";
import { vault } from "./vault/index.js";

/** The services of a chain in the two orders that count. */
export interface ServiceOrders {
  /** InitChain, BeginBlock and EndBlock. */
  readonly execution: readonly Service[];
  /** Subscription to messages. */
  readonly subscription: readonly Service[];
}

/**
 * All services.
 * @param localUpgrades upgrades that the nodes were told about outside the chain
 */
export function allServices(localUpgrades: readonly UpgradeDescriptor[]): ServiceOrders {
  const { first, last } = upgrades(localUpgrades);
  return {
    execution: [first, beacon, staking, registry, scheduler, governance, vault, keymanager, roothash, last],
    subscription: [first, beacon, governance, keymanager, registry, roothash, scheduler, staking, vault],
  };
}

/** Services in the order of InitChain, BeginBlock and EndBlock, where upgrades are decided by vote only. */
export const EXECUTION_ORDER: readonly Service[] = allServices([]).execution;

/** Services in the order in which they subscribe to messages. */
export const SUBSCRIPTION_ORDER: readonly Service[] = allServices([]).subscription;
