import { equalBytes } from "#common/bytes.js";
import { compareVersions, type Version } from "#common/version.js";
import type { Node, NodeRuntime } from "./node.js";
import type { Runtime, VersionInfo } from "./runtime.js";

/** The deployment in force in an epoch: the one that began last; undefined when none has begun (registry: deployments). */
export function activeDeployment(runtime: Runtime, epoch: bigint): VersionInfo | undefined {
  let active: VersionInfo | undefined;
  for (const deployment of runtime.deployments) {
    if (deployment === null || deployment.validFrom > epoch) continue;
    if (active === undefined || active.validFrom < deployment.validFrom) active = deployment;
  }
  return active;
}

/** The first entry of a node for a version of a runtime. */
export function nodeRuntime(node: Node, runtimeId: Uint8Array, version: Version): NodeRuntime | undefined {
  const same = (entry: NodeRuntime | null): entry is NodeRuntime =>
    entry !== null && equalBytes(entry.id, runtimeId) && compareVersions(entry.version, version) === 0;
  return (node.runtimes ?? []).find(same);
}

/** The deployment of a version, whether it is in force or not. */
export function deploymentForVersion(runtime: Runtime, version: Version): VersionInfo | undefined {
  return runtime.deployments.find((d) => d !== null && compareVersions(d.version, version) === 0) ?? undefined;
}
