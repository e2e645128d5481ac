/** Which changes of a registered node are allowed (registry: VerifyNodeUpdate). */
import { equalBytes } from "#common/bytes.js";
import { hasRoles } from "#common/node-roles.js";
import { compareVersions } from "#common/version.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import { registryErrors } from "../errors.js";
import { getAnyRuntime } from "../state.js";
import { activeDeployment, deploymentForVersion } from "../types/deployments.js";
import { isNodeExpired, type Node, type NodeRuntime } from "../types/node.js";

function demand(ok: boolean, message: string): void {
  if (!ok) throw registryErrors.nodeUpdateNotAllowed(message);
}

function given(node: Node): NodeRuntime[] {
  return (node.runtimes ?? []).filter((r) => r !== null);
}

function sameRuntime(a: NodeRuntime, b: NodeRuntime): boolean {
  return equalBytes(a.id, b.id);
}

function checkCapabilities(current: NodeRuntime, next: NodeRuntime): void {
  // Keys and attestation may change, because the runtime may have been restarted.
  const [a, b] = [current.capabilities.tee, next.capabilities.tee];
  demand((a === undefined) === (b === undefined), "trying to change between TEE and non-TEE");
  demand(a?.hardware === b?.hardware, "trying to change TEE hardware");
}

function checkRuntimes(current: Node, next: Node, state: KeyValueReader, epoch: bigint): void {
  const nextRuntimes = given(next);
  for (const old of given(current)) {
    const versions = nextRuntimes.filter((r) => sameRuntime(r, old));
    demand(versions.length > 0, "current runtime is missing in new set");
    const runtime = getAnyRuntime(state, old.id);
    if (runtime === undefined) throw registryErrors.nodeUpdateNotAllowed("unknown runtime");
    const same = versions.find((r) => compareVersions(r.version, old.version) === 0);
    if (same !== undefined) {
      checkCapabilities(old, same);
      continue;
    }
    // A version may go when it no longer matters: nothing is active, something newer is, or it was withdrawn.
    const active = activeDeployment(runtime, epoch);
    const dropped =
      active === undefined ||
      compareVersions(old.version, active.version) < 0 ||
      deploymentForVersion(runtime, old.version) === undefined;
    demand(dropped, "current version is missing in new set");
  }
}

/**
 * Checks the change of a registered node.
 * @throws CodedError registry/17
 */
export function verifyNodeUpdate(current: Node, next: Node, state: KeyValueReader, epoch: bigint): void {
  demand(equalBytes(current.id, next.id), "trying to update node ID");
  demand(equalBytes(current.entityId, next.entityId), "trying to update node entity ID");
  demand(equalBytes(current.consensus.id, next.consensus.id), "trying to update consensus ID");
  if (isNodeExpired(current, epoch)) return;
  checkRuntimes(current, next, state, epoch);
  // One common role is enough: roles may be dropped as long as one stays.
  demand(hasRoles(next.roles, current.roles), "trying to downgrade node roles");
}
