/** Whether a runtime lets a node in (registry: admission). */
import { equalBytes } from "#common/bytes.js";
import { hasRoles, ROLE_STORAGE, SINGLE_ROLES } from "#common/node-roles.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import { registryErrors } from "../errors.js";
import { entityNodes } from "../state.js";
import { isNodeExpired, type Node } from "../types/node.js";
import type { Runtime } from "../types/runtime.js";

/** A node that wants to serve a runtime. */
export interface Candidate {
  readonly node: Node;
  readonly runtime: Runtime;
  readonly epoch: bigint;
  readonly state: KeyValueReader;
}

/** Whether the node serves a runtime, in whatever version. */
function serves(node: Node, runtimeId: Uint8Array): boolean {
  return (node.runtimes ?? []).some((r) => r !== null && equalBytes(r.id, runtimeId));
}

/** Counts the entity's other nodes of the runtime; the limit is tested only when there are such nodes. */
function checkNodeCount({ node, runtime, epoch, state }: Candidate, role: number, max: number): void {
  let count = 0;
  for (const other of entityNodes(state, node.entityId)) {
    if (equalBytes(other.id, node.id) || isNodeExpired(other, epoch) || !serves(other, runtime.id)) continue;
    if (hasRoles(other.roles, role)) count++;
    if (count + 1 > max) throw registryErrors.forbidden("too many nodes of the entity");
  }
}

/** Roles that the policy of a runtime is asked about; that of storage only where the runtime has a use for it. */
function rolesOf({ storage }: Runtime): readonly number[] {
  return storage.committee === undefined ? SINGLE_ROLES : [...SINGLE_ROLES, ROLE_STORAGE];
}

function checkWhitelist(candidate: Candidate): void {
  const { node, runtime } = candidate;
  const whitelist = runtime.admissionPolicy.entityWhitelist;
  if (whitelist === undefined) return;
  const config = whitelist.entities?.get(node.entityId);
  if (config === undefined) throw registryErrors.forbidden("entity is not whitelisted");
  if (config.maxNodes.size === 0) return;
  for (const role of rolesOf(runtime)) {
    if (!hasRoles(node.roles, role)) continue;
    const max = config.maxNodes.get(role) ?? 0;
    if (max === 0) throw registryErrors.forbidden("no nodes of this role allowed");
    checkNodeCount(candidate, role, max);
  }
}

/**
 * Checks the admission policy of a runtime for a node.
 * @throws CodedError registry/16
 */
export function checkAdmission(candidate: Candidate): void {
  checkWhitelist(candidate);
  const { node, runtime } = candidate;
  for (const role of rolesOf(runtime)) {
    const whitelist = runtime.admissionPolicy.perRole?.get(role)?.entityWhitelist;
    if (whitelist === undefined || !hasRoles(node.roles, role)) continue;
    const config = whitelist.entities?.get(node.entityId);
    if (config === undefined) throw registryErrors.forbidden("entity is not whitelisted for the role");
    if (config.maxNodes !== 0) checkNodeCount(candidate, role, config.maxNodes);
  }
}
