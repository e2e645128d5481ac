/** What registrations demand in stake, and of whom (registry: stake claims). */
import { addressFromPublicKey, runtimeAddress } from "#common/address.js";
import { equalBytes, toBase64, toHex } from "#common/bytes.js";
import { assert } from "#common/assert.js";
import {
  hasRoles,
  ROLE_COMPUTE,
  ROLE_KEY_MANAGER,
  ROLE_OBSERVER,
  ROLE_STORAGE,
  ROLE_VALIDATOR,
} from "#common/node-roles.js";
import { constantThreshold, globalThreshold, type StakeThreshold } from "../../staking/types/account.js";
import {
  THRESHOLD_NODE_COMPUTE,
  THRESHOLD_NODE_KEY_MANAGER,
  THRESHOLD_NODE_OBSERVER,
  THRESHOLD_NODE_STORAGE,
  THRESHOLD_NODE_VALIDATOR,
  THRESHOLD_RUNTIME_COMPUTE,
  THRESHOLD_RUNTIME_KEY_MANAGER,
} from "../../staking/types/thresholds.js";
import type { Node } from "./node.js";
import { GOVERNANCE_ENTITY, GOVERNANCE_RUNTIME, type Runtime, RUNTIME_COMPUTE } from "./runtime.js";

/** Claim of a registered entity. */
export const ENTITY_CLAIM = "registry.RegisterEntity";

/** Claim of a registered node. */
export function nodeClaim(nodeId: Uint8Array): string {
  return `registry.RegisterNode.${toBase64(nodeId)}`;
}

/** Claim of a registered runtime. */
export function runtimeClaim(runtimeId: Uint8Array): string {
  return `registry.RegisterRuntime.${toHex(runtimeId)}`;
}

/** The account that governs a runtime and stakes for it; none when the consensus layer governs. */
export function governingAddress(runtime: Runtime): Uint8Array | undefined {
  if (runtime.governanceModel === GOVERNANCE_ENTITY) return addressFromPublicKey(runtime.entityId);
  if (runtime.governanceModel === GOVERNANCE_RUNTIME) return runtimeAddress(runtime.id);
  return undefined;
}

/** Thresholds of a node, in the order in which they are stored. */
export function nodeThresholds(node: Node, runtimes: readonly Runtime[]): StakeThreshold[] {
  const out: StakeThreshold[] = [];
  if (hasRoles(node.roles, ROLE_VALIDATOR)) out.push(globalThreshold(THRESHOLD_NODE_VALIDATOR));
  const kinds: number[] = [];
  if (hasRoles(node.roles, ROLE_KEY_MANAGER)) kinds.push(THRESHOLD_NODE_KEY_MANAGER);
  if (hasRoles(node.roles, ROLE_COMPUTE)) kinds.push(THRESHOLD_NODE_COMPUTE);
  if (hasRoles(node.roles, ROLE_OBSERVER)) kinds.push(THRESHOLD_NODE_OBSERVER);
  const entries = node.runtimes ?? [];
  entries.forEach((entry, i) => {
    assert(entry !== null, "a verified node has no null runtimes");
    const repeated = entries.slice(0, i).some((e) => e !== null && equalBytes(e.id, entry.id));
    if (repeated) return;
    const runtime = runtimes.find((r) => equalBytes(r.id, entry.id));
    assert(runtime !== undefined, "the runtimes of a verified node are known");
    const stores = hasRoles(node.roles, ROLE_STORAGE) && runtime.storage.committee !== undefined;
    for (const kind of stores ? [...kinds, THRESHOLD_NODE_STORAGE] : kinds) {
      out.push(globalThreshold(kind));
      const own = runtime.staking.thresholds.get(kind) ?? 0n;
      if (own > 0n) out.push(constantThreshold(own));
    }
  });
  return out;
}

/** Thresholds of a runtime. */
export function runtimeThresholds(runtime: Runtime): StakeThreshold[] {
  return [
    globalThreshold(runtime.kind === RUNTIME_COMPUTE ? THRESHOLD_RUNTIME_COMPUTE : THRESHOLD_RUNTIME_KEY_MANAGER),
  ];
}
