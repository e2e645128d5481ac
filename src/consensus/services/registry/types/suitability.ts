import type { Context } from "../../../app/context.js";
import { nodeRuntime } from "./deployments.js";
import type { Node } from "./node.js";
import type { Runtime, VersionInfo } from "./runtime.js";
import { TEE_NONE } from "./tee.js";

/**
 * Whether a node offers a deployment of a runtime with the TEE that the runtime asks for
 * (scheduler: candidate filter). Evidence of a TEE is not verified yet, so runtimes with a TEE find no nodes.
 */
export function isSuitableTee(
  _ctx: Context,
  node: Node,
  runtime: Runtime,
  deployment: VersionInfo,
  _feature261: boolean,
): boolean {
  const entry = nodeRuntime(node, runtime.id, deployment.version);
  if (entry === undefined) return false;
  return runtime.teeHardware === TEE_NONE && entry.capabilities.tee === undefined;
}
