import { CodedError } from "#common/errors/index.js";
import type { Context } from "../../../app/context.js";
import { attestationRules } from "./attestation-rules.js";
import { verifyNodeRuntimeTee } from "./attestation.js";
import { nodeRuntime } from "./deployments.js";
import type { Node } from "./node.js";
import type { Runtime, VersionInfo } from "./runtime.js";

/**
 * Whether a node offers a deployment of a runtime with the trusted hardware that the runtime asks for
 * (scheduler: candidate filter).
 */
export function isSuitableTee(
  ctx: Context,
  node: Node,
  runtime: Runtime,
  deployment: VersionInfo,
  feature261: boolean,
): boolean {
  const entry = nodeRuntime(node, runtime.id, deployment.version);
  if (entry === undefined) return false;
  try {
    verifyNodeRuntimeTee(node.id, entry, runtime, attestationRules(ctx, feature261));
    return true;
  } catch (error) {
    if (error instanceof CodedError) return false;
    throw error;
  }
}
