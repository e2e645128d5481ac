/** Which changes of a registered runtime are allowed (registry: RegisterRuntime, update). */
import { assert } from "#common/assert.js";
import { equalBytes } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import { registryErrors } from "../errors.js";
import { activeDeployment, deploymentForVersion } from "../types/deployments.js";
import {
  GOVERNANCE_ENTITY,
  GOVERNANCE_RUNTIME,
  type Runtime,
  RUNTIME_COMPUTE,
  RuntimeGenesis,
  type VersionInfo,
} from "../types/runtime.js";
import { compareVersions } from "#common/version.js";
import { checkDeployments, type DeploymentRules } from "./deployments.js";

function demand(ok: boolean, message: string): void {
  if (!ok) throw registryErrors.runtimeUpdateNotAllowed(message);
}

function sameDeployment(a: VersionInfo, b: VersionInfo): boolean {
  const none = new Uint8Array(0);
  return (
    compareVersions(a.version, b.version) === 0 &&
    a.validFrom === b.validFrom &&
    equalBytes(a.tee ?? none, b.tee ?? none) &&
    equalBytes(a.bundleChecksum, b.bundleChecksum)
  );
}

function checkFixedParts(current: Runtime, next: Runtime): void {
  demand(equalBytes(current.id, next.id), "trying to update runtime ID");
  demand(current.kind === next.kind, "trying to update runtime kind");
  demand(RuntimeGenesis.equals(current.genesis, next.genesis), "trying to update genesis");
  if (current.keyManager !== undefined) {
    const kept = next.keyManager !== undefined && equalBytes(current.keyManager, next.keyManager);
    demand(kept, "trying to change key manager");
  }
  if (current.governanceModel !== next.governanceModel) {
    const handedOver = current.governanceModel === GOVERNANCE_ENTITY && next.governanceModel === GOVERNANCE_RUNTIME;
    demand(handedOver, "invalid governance model transition");
  }
  const governed = next.governanceModel === GOVERNANCE_RUNTIME && next.kind !== RUNTIME_COMPUTE;
  demand(!governed, "runtime governance can only be used with compute runtimes");
}

/**
 * Checks the change of a registered runtime.
 * @throws CodedError registry/18
 */
export function verifyRuntimeUpdate(current: Runtime, next: Runtime, rules: DeploymentRules): void {
  checkFixedParts(current, next);
  const active = activeDeployment(current, rules.epoch);
  const nextActive = activeDeployment(next, rules.epoch);
  try {
    checkDeployments(next, rules);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    throw registryErrors.runtimeUpdateNotAllowed(error.message);
  }
  for (const deployment of next.deployments) {
    assert(deployment !== null, "deployments were checked");
    const old = deploymentForVersion(current, deployment.version);
    if (old !== undefined && sameDeployment(deployment, old)) continue;
    demand(deployment.validFrom > rules.epoch, "trying to change an existing deployment");
  }
  if (active === undefined) {
    demand(nextActive === undefined, "trying to deploy immediately");
  } else {
    demand(nextActive !== undefined && sameDeployment(active, nextActive), "trying to change the active deployment");
  }
}

/**
 * Checks a runtime that is not registered yet: it must not start at once.
 * @throws CodedError registry/18
 */
export function verifyNewRuntime(runtime: Runtime, epoch: bigint, mayStartAtOnce: boolean): void {
  if (mayStartAtOnce) return;
  demand(activeDeployment(runtime, epoch) === undefined, "trying to deploy immediately");
}

/** Epochs until a storage committee can be elected: nodes register now, and may be elected two epochs later. */
const STORAGE_START_EPOCHS = 3n;

/**
 * Checks when the storage committee of a runtime is to begin. Too early a beginning would suspend the runtime at the
 * next election.
 * @param current the descriptor that is registered, if there is one
 * @param mayStartAtOnce whether a new runtime may have its committee from the beginning
 * @throws CodedError registry/18
 */
export function verifyStorageStart(
  current: Runtime | undefined,
  next: Runtime,
  epoch: bigint,
  mayStartAtOnce: boolean,
): void {
  const [before, after] = [current?.storage.committee, next.storage.committee];
  if (after === undefined || (current === undefined && mayStartAtOnce)) return;
  if (before !== undefined && before.validFrom === after.validFrom) return;
  demand(before === undefined || before.validFrom > epoch, "trying to move the start of an active storage committee");
  demand(after.validFrom >= epoch + STORAGE_START_EPOCHS, "storage committee starts too early");
}
