/** Whether a node's trusted hardware is what a runtime demands (registry: TEE verification). */
import { unknown } from "#common/errors/index.js";
import type { Timestamp } from "#common/schema/index.js";
import { registryErrors } from "../errors.js";
import { deploymentForVersion } from "./deployments.js";
import type { NodeRuntime } from "./node.js";
import type { Runtime } from "./runtime.js";
import { type CapabilityTee, type SgxConstraints, TEE_NONE, type TeeFeatures } from "./tee.js";

/** What an attestation is judged by. */
export interface AttestationRules {
  readonly features: TeeFeatures | undefined;
  readonly now: Timestamp;
  /** Last height. */
  readonly height: bigint;
  readonly feature261: boolean;
}

/** Newest version of the constraints. */
const CONSTRAINTS_VERSION = 1;

/**
 * Checks constraints as such, without any attestation.
 * @throws CodedError unknown/1
 */
export function checkConstraints(
  constraints: SgxConstraints,
  features: TeeFeatures | undefined,
  feature261: boolean,
): void {
  const { v, policy } = constraints;
  if ((features?.sgx.pcs !== true && v !== 0) || v > CONSTRAINTS_VERSION) {
    throw unknown(`unsupported SGX constraints version: ${v}`);
  }
  if (features?.sgx.tdx !== true && policy?.pcs?.tdx !== undefined) throw unknown("TDX policy not supported");
  if (!feature261 && (policy?.pcs?.fmspcWhitelist ?? []).length > 0) throw unknown("FMSPC whitelist should be empty");
}

/**
 * Checks the attestation behind a capability against the constraints of a deployment. Remote attestations are not
 * verified yet, so none passes.
 * @param constraints encoded constraints of the deployment, null when it has none
 * @throws CodedError unknown/1
 */
function verifyCapability(
  _capability: CapabilityTee,
  _constraints: Uint8Array | null,
  _rules: AttestationRules,
): never {
  throw unknown("node: TEE attestations are not supported");
}

/**
 * Checks the trusted hardware that a node claims for a runtime.
 * @throws CodedError registry/8 when the kind of hardware differs, registry/1 for an unknown version, unknown/1 for an
 * attestation that does not hold
 */
export function verifyNodeRuntimeTee(nodeRuntime: NodeRuntime, runtime: Runtime, rules: AttestationRules): void {
  const tee = nodeRuntime.capabilities.tee;
  if ((tee?.hardware ?? TEE_NONE) !== runtime.teeHardware) throw registryErrors.teeHardwareMismatch();
  if (tee === undefined) return;
  const deployment = deploymentForVersion(runtime, nodeRuntime.version);
  if (deployment === undefined) throw registryErrors.invalidArgument("node running unknown runtime enclave version");
  verifyCapability(tee, deployment.tee, rules);
}
