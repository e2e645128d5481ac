import { defineService, type Service } from "../../app/define-service.js";
import type { UpgradeDescriptor } from "../governance/types.js";
import { beginUpgrades, endUpgrades } from "./block/index.js";
import { messages } from "./messages.js";

const COMMON = { name: "upgrades", appName: "upgrades", priority: (): bigint => 0n, transactions: [] };

/** The two ends of the service: one stands before all other services, one after them. */
export interface Upgrades {
  readonly first: Service;
  readonly last: Service;
}

/**
 * Carries upgrades out in place.
 * @param local upgrades that this node was told about outside the chain; all nodes must be told the same
 */
export function upgrades(local: readonly UpgradeDescriptor[]): Upgrades {
  return {
    first: defineService<undefined>({ ...COMMON, messages, beginBlock: (ctx) => beginUpgrades(ctx, local) }),
    last: defineService<undefined>({ ...COMMON, endBlock: endUpgrades }),
  };
}
