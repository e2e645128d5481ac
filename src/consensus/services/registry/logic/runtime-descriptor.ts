/** Checks of a runtime descriptor as such (registry: RegisterRuntime, ValidateBasic). */
import { equalBytes } from "#common/bytes.js";
import type { AcceptancePolicy } from "#common/crypto/signature.js";
import { isKeyManagerNamespace, isTestNamespace } from "#common/namespace.js";
import { isSingleRole, ROLE_STORAGE } from "#common/node-roles.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import {
  THRESHOLD_NODE_COMPUTE,
  THRESHOLD_NODE_KEY_MANAGER,
  THRESHOLD_NODE_OBSERVER,
  THRESHOLD_NODE_STORAGE,
} from "../../staking/types/thresholds.js";
import { registryErrors } from "../errors.js";
import type { RegistryParameters } from "../params.js";
import { getAnyRuntime } from "../state.js";
import type { RuntimeAdmissionPolicy } from "../types/admission.js";
import {
  type ExecutorParameters,
  GOVERNANCE_CONSENSUS,
  GOVERNANCE_ENTITY,
  GOVERNANCE_RUNTIME,
  type Runtime,
  RUNTIME_COMPUTE,
  RUNTIME_KEY_MANAGER,
  RUNTIME_VERSION,
  type RuntimeStakingParameters,
  type StorageCommitteeParameters,
  type StorageParameters,
  type TxnSchedulerParameters,
} from "../types/runtime.js";
import { TEE_INTEL_SGX } from "../types/tee.js";
import { checkDeployments, type DeploymentRules } from "./deployments.js";

/** Nanoseconds. */
const MIN_FLUSH_TIMEOUT = 50_000_000n;
const MIN_PROPOSER_TIMEOUT = 1_000_000_000n;
const MIN_BATCH_BYTES = 1024n;
const MIN_CHECKPOINT_INTERVAL = 10n;
const MIN_CHUNK_BYTES = 1n << 20n;
const MAX_STORAGE_GROUP = 128;
const MIN_APPLY_OPS = 2n;
const MIN_WRITE_LOG_ENTRIES = 10n;
/** Consensus blocks. Fewer are hard to keep for an honest node. */
const MIN_RESPONSE_BLOCKS = 10n;
const MAX_RESPONSE_BLOCKS = 1n << 32n;

/** What the current state of the network says about runtime descriptors. */
export interface RuntimeRules extends DeploymentRules {
  readonly params: RegistryParameters;
  readonly policy: AcceptancePolicy;
  /** Development chain: checkpoints may be as small as one likes. */
  readonly dontBlameOasis: boolean;
}

function demand(ok: boolean, message: string): void {
  if (!ok) throw registryErrors.invalidArgument(message);
}

function checkExecutor(e: ExecutorParameters): void {
  demand(e.groupSize > 0, "executor primary group too small");
  const tooMany =
    e.allowedStragglers > e.groupSize || (e.groupBackupSize > 0 && e.allowedStragglers > e.groupBackupSize);
  demand(!tooMany, "number of allowed stragglers too large");
  demand(e.roundTimeout > 0n, "round timeout too small");
  demand(e.minLiveRoundsPercent <= 100, "minimum live rounds percentage cannot be greater than 100");
}

function checkTxnScheduler(t: TxnSchedulerParameters): void {
  demand(t.batchFlushTimeout >= MIN_FLUSH_TIMEOUT, "batch flush timeout too small");
  demand(t.maxBatchSize >= 1n, "max batch size too small");
  demand(t.maxBatchSizeBytes >= MIN_BATCH_BYTES, "max batch bytes size too small");
  demand(t.proposerTimeout >= MIN_PROPOSER_TIMEOUT, "proposer timeout too small");
  demand(t.batchFlushTimeout <= t.proposerTimeout, "batch flush timeout greater than proposer timeout");
}

function checkStorage(s: StorageParameters, dontBlameOasis: boolean): void {
  if (s.checkpointInterval === 0n || dontBlameOasis) return;
  demand(s.checkpointInterval >= MIN_CHECKPOINT_INTERVAL, "storage checkpoint interval too small");
  demand(s.checkpointNumKept > 0n, "storage number of kept checkpoints too small");
  demand(s.checkpointChunkSize >= MIN_CHUNK_BYTES, "storage checkpoint chunk size too small");
}

/** Limits of storage committees; whether the runtime may have one at all is another matter. */
function checkStorageCommittee(c: StorageCommitteeParameters): void {
  demand(c.groupSize >= 1 && c.groupSize <= MAX_STORAGE_GROUP, "storage group size outside 1..128");
  const enough = c.minWriteReplication >= 1 && c.minWriteReplication <= c.groupSize;
  demand(enough, "storage write replication outside 1..group size");
  demand(c.maxApplyOps >= MIN_APPLY_OPS, "maximum of storage operations too small");
  demand(c.maxApplyWriteLogEntries >= MIN_WRITE_LOG_ENTRIES, "maximum of write log entries too small");
  if (c.challenge === undefined) return;
  const { responseBlocks, maxAgeRounds } = c.challenge;
  const inTime = responseBlocks >= MIN_RESPONSE_BLOCKS && responseBlocks <= MAX_RESPONSE_BLOCKS;
  demand(inTime, `storage challenge response time outside ${MIN_RESPONSE_BLOCKS}..${MAX_RESPONSE_BLOCKS} blocks`);
  demand(maxAgeRounds >= 1n, "storage challenge age too small");
}

function checkStaking(s: RuntimeStakingParameters, kind: number, hasStorage: boolean): void {
  demand(s.rewardEquivocation <= 100, "reward percentage for equivocation must be at most 100");
  demand(s.rewardBadResults <= 100, "reward percentage for bad results must be at most 100");
  for (const threshold of s.thresholds.keys()) {
    const allowed =
      threshold === THRESHOLD_NODE_COMPUTE || threshold === THRESHOLD_NODE_OBSERVER
        ? kind === RUNTIME_COMPUTE
        : (threshold === THRESHOLD_NODE_KEY_MANAGER && kind === RUNTIME_KEY_MANAGER) ||
          (threshold === THRESHOLD_NODE_STORAGE && hasStorage);
    demand(allowed, `unsupported staking threshold kind for runtime: ${threshold}`);
  }
}

function checkAdmission(
  admission: RuntimeAdmissionPolicy,
  policy: AcceptancePolicy,
  isRole: (mask: number) => boolean,
): void {
  const { anyNode, entityWhitelist, perRole } = admission;
  const restricted = entityWhitelist !== undefined || perRole !== null;
  demand((anyNode !== undefined) !== restricted, "invalid admission policy");
  for (const [entity, config] of entityWhitelist?.entities ?? []) {
    demand(!policy.forbids(entity), "invalid entity ID in entity whitelist");
    for (const role of config.maxNodes.keys()) demand(isRole(role), "non-single role in entity whitelist");
  }
  for (const [role, rolePolicy] of perRole ?? []) {
    demand(isRole(role), "non-single role in per-role admission policy");
    for (const entity of rolePolicy.entityWhitelist?.entities?.keys() ?? []) {
      demand(!policy.forbids(entity), "invalid entity ID in per-role entity whitelist");
    }
  }
}

function checkKind(runtime: Runtime, dontBlameOasis: boolean): void {
  const { kind, id, keyManager } = runtime;
  if (kind === RUNTIME_COMPUTE) {
    demand(!isKeyManagerNamespace(id), "compute runtime ID has the key manager flag set");
    demand(keyManager === undefined || !equalBytes(id, keyManager), "compute runtime has self as key manager");
    checkExecutor(runtime.executor);
    checkTxnScheduler(runtime.txnScheduler);
    checkStorage(runtime.storage, dontBlameOasis);
    if (runtime.storage.committee !== undefined) checkStorageCommittee(runtime.storage.committee);
  } else {
    demand(kind === RUNTIME_KEY_MANAGER, `bad runtime kind: ${kind}`);
    demand(isKeyManagerNamespace(id), "key manager runtime ID does not have the key manager flag set");
    demand(keyManager === undefined, "key manager runtime cannot itself have a key manager");
    demand(isTestNamespace(id) || runtime.teeHardware === TEE_INTEL_SGX, "non-SGX key manager runtime");
    demand(runtime.storage.committee === undefined, "key manager runtime with a storage committee");
  }
}

/**
 * Checks a runtime descriptor against the parameters, not against what is registered.
 * @throws CodedError registry/1, registry/16 for a governance model that is not enabled, registry/5
 */
export function verifyRuntime(runtime: Runtime, rules: RuntimeRules): void {
  const { params } = rules;
  const model = runtime.governanceModel;
  const hasStorage = runtime.storage.committee !== undefined;
  demand(runtime.v === RUNTIME_VERSION, `invalid runtime descriptor version ${runtime.v}`);
  demand(!hasStorage || params.enableStorageCommittees, "storage committees are not enabled");
  checkKind(runtime, rules.dontBlameOasis);
  checkStaking(runtime.staking, runtime.kind, hasStorage);
  const isRole = (mask: number): boolean => isSingleRole(mask) || (mask === ROLE_STORAGE && hasStorage);
  checkAdmission(runtime.admissionPolicy, rules.policy, isRole);
  demand(model >= GOVERNANCE_ENTITY && model <= GOVERNANCE_CONSENSUS, "unsupported governance model");
  demand(runtime.deployments.length > 0, "no deployment information specified");
  demand(!isTestNamespace(runtime.id) || params.debugAllowTestRuntimes, "test runtime not allowed");
  if (params.enableRuntimeGovernanceModels.get(model) !== true) {
    throw registryErrors.forbidden("runtime governance model is not enabled");
  }
  demand(runtime.teeHardware <= TEE_INTEL_SGX, "invalid TEE hardware");
  checkDeployments(runtime, rules);
  const governed = model === GOVERNANCE_RUNTIME && runtime.kind !== RUNTIME_COMPUTE;
  demand(!governed, "runtime governance can only be used with compute runtimes");
}

/**
 * Checks the key manager that a compute runtime names.
 * @throws CodedError registry/11 when it is not registered, registry/1
 */
export function verifyKeyManagerOf(runtime: Runtime, state: KeyValueReader): void {
  if (runtime.kind !== RUNTIME_COMPUTE || runtime.keyManager === undefined) return;
  const keyManager = getAnyRuntime(state, runtime.keyManager);
  if (keyManager === undefined) throw registryErrors.noSuchRuntime();
  demand(keyManager.kind === RUNTIME_KEY_MANAGER, "key manager runtime is no key manager");
  const ok = isTestNamespace(runtime.id) || runtime.teeHardware === TEE_INTEL_SGX;
  demand(ok, "compute runtime without SGX using key manager");
}
