/** Checks of the versions that a runtime descriptor announces (registry: deployments). */
import { CodedError, DecodeError } from "#common/errors/index.js";
import { compareVersions } from "#common/version.js";
import { registryErrors } from "../errors.js";
import type { RegistryParameters } from "../params.js";
import { checkConstraints } from "../types/attestation.js";
import type { Runtime, VersionInfo } from "../types/runtime.js";
import { SgxConstraints, TEE_INTEL_SGX, TEE_NONE } from "../types/tee.js";

/** So many deployments may always be announced. */
const MIN_DEPLOYMENTS = 2;
const CHECKSUM_SIZE = 32;

/** What the current state of the network says about deployments. */
export interface DeploymentRules {
  readonly epoch: bigint;
  readonly params: Pick<RegistryParameters, "maxRuntimeDeployments" | "teeFeatures">;
  readonly feature261: boolean;
}

function sgxConstraints(encoded: Uint8Array | null, rules: DeploymentRules): SgxConstraints {
  try {
    // No constraints at all are zero constraints, an empty string is malformed.
    const constraints = encoded === null ? { ...SgxConstraints.zero() } : SgxConstraints.decode(encoded);
    checkConstraints(constraints, rules.params.teeFeatures, rules.feature261);
    return constraints;
  } catch (error) {
    if (!(error instanceof DecodeError || error instanceof CodedError)) throw error;
    throw registryErrors.invalidArgument(`invalid SGX TEE constraints: ${error.message}`);
  }
}

function checkTee(hardware: number, deployment: VersionInfo, rules: DeploymentRules): void {
  if (hardware === TEE_NONE) {
    if (deployment.tee !== null) throw registryErrors.invalidArgument("TEE constraints when no TEE specified");
  } else if (hardware === TEE_INTEL_SGX) {
    if (sgxConstraints(deployment.tee, rules).enclaves.length === 0) throw registryErrors.noEnclaveForRuntime();
  } else {
    throw registryErrors.invalidArgument("invalid TEE hardware");
  }
}

/**
 * Checks the deployments of a descriptor in an epoch.
 * @throws CodedError registry/1, or registry/5 when a TEE deployment allows no enclave
 */
export function checkDeployments(runtime: Pick<Runtime, "deployments" | "teeHardware">, rules: DeploymentRules): void {
  const { deployments, teeHardware } = runtime;
  if (deployments.length === 0) throw registryErrors.invalidArgument("no deployments");
  if (deployments.length > Math.max(MIN_DEPLOYMENTS, rules.params.maxRuntimeDeployments)) {
    throw registryErrors.invalidArgument("too many deployments");
  }
  const given = deployments.filter((d) => d !== null);
  if (given.length < deployments.length) throw registryErrors.invalidArgument("nil deployment");
  given.sort((a, b) => compareVersions(a.version, b.version));
  let future = 0;
  let previous: VersionInfo | undefined;
  for (const deployment of given) {
    if (previous !== undefined && compareVersions(previous.version, deployment.version) === 0) {
      throw registryErrors.invalidArgument("duplicate version");
    }
    if (previous !== undefined && previous.validFrom >= deployment.validFrom) {
      throw registryErrors.invalidArgument("versions must increase over time");
    }
    previous = deployment;
    if (deployment.validFrom > rules.epoch) future++;
    checkTee(teeHardware, deployment, rules);
    const checksum = deployment.bundleChecksum.length;
    if (checksum !== 0 && checksum !== CHECKSUM_SIZE) throw registryErrors.invalidArgument("invalid bundle checksum");
  }
  if (future > 1) throw registryErrors.invalidArgument("more than one future deployment");
}
