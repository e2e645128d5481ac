import { unknown } from "#common/errors/index.js";
import { FRAME_ELEMENTS } from "#common/limits.js";
import {
  bool,
  extension,
  list,
  map,
  named,
  nullable,
  omitEmpty,
  optional,
  struct,
  u64,
  u8,
} from "#common/schema/index.js";
import { PublicKey } from "#common/crypto/keys.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import type { Context, DebugSwitches } from "../../app/context.js";
import { GasCostTable } from "../../app/parameters.js";
import { sharedCell } from "../../app/table.js";
import type { GasCosts } from "../../transaction/gas.js";
import { Runtime, RuntimeGovernanceModel } from "./types/runtime.js";
import { MultiSignedNode, SignedEntity } from "./types/signed.js";
import { NodeStatus } from "./types/status.js";
import { TeeFeatures } from "./types/tee.js";

/** Gas operations (registry: parameters). */
export const GAS_REGISTER_ENTITY = "register_entity";
export const GAS_DEREGISTER_ENTITY = "deregister_entity";
/** Charged per node that an entity lists, never for a node's own registration. */
export const GAS_REGISTER_NODE = "register_node";
export const GAS_UNFREEZE_NODE = "unfreeze_node";
export const GAS_REGISTER_RUNTIME = "register_runtime";
/** Charged per runtime of a node and epoch of its registration. */
export const GAS_RUNTIME_EPOCH_MAINTENANCE = "runtime_epoch_maintenance";
export const GAS_PROVE_FRESHNESS = "prove_freshness";

const GovernanceModels = map(RuntimeGovernanceModel, bool, { max: 256 });

export class RegistryParameters extends struct("RegistryParameters", {
  debugAllowUnroutableAddresses: omitEmpty(bool),
  debugAllowTestRuntimes: omitEmpty(bool),
  debugDeployImmediately: omitEmpty(bool),
  disableRuntimeRegistration: omitEmpty(bool),
  disableKeyManagerRuntimeRegistration: named("disable_km_runtime_registration", omitEmpty(bool)),
  /** Has no effect any more. */
  enableKeyManagerChurp: named("enable_km_churp", omitEmpty(bool)),
  gasCosts: omitEmpty(GasCostTable),
  /** Epochs; 0 means no limit. */
  maxNodeExpiration: omitEmpty(u64),
  enableRuntimeGovernanceModels: omitEmpty(GovernanceModels),
  teeFeatures: optional(TeeFeatures),
  maxRuntimeDeployments: omitEmpty(u8),
  /** Whether runtimes may have storage committees, an extension. A genesis document says yes, or an upgrade. */
  enableStorageCommittees: extension(omitEmpty(bool)),
}) {}

/** Parameters in the current state. */
export const registryParameters = sharedCell(0x16, RegistryParameters);

/** Whether the chain has storage committees; without them everything is as in v26.1 (registry: storage committees). */
export function hasStorageCommittees(state: KeyValueReader): boolean {
  return registryParameters.get(state)?.enableStorageCommittees === true;
}

/** Gas prices in the current state. */
export function gasCosts(ctx: Context): GasCosts {
  return registryParameters.load(ctx.state).gasCosts;
}

/** What a governance proposal may change; an absent member stays as it is. */
export class RegistryParameterChanges extends struct("RegistryParameterChanges", {
  disableRuntimeRegistration: optional(bool),
  disableKeyManagerRuntimeRegistration: named("disable_km_runtime_registration", optional(bool)),
  /** An empty table counts as given when it arrives, though it is never written. */
  gasCosts: omitEmpty(nullable(GasCostTable)),
  maxNodeExpiration: optional(u64),
  enableRuntimeGovernanceModels: omitEmpty(nullable(GovernanceModels)),
  teeFeatures: optional(TeeFeatures),
  maxRuntimeDeployments: optional(u8),
  enableStorageCommittees: extension(optional(bool)),
}) {}

/** Section `registry` of the genesis document. */
export class RegistryGenesis extends struct("RegistryGenesis", {
  params: RegistryParameters,
  entities: omitEmpty(list(nullable(SignedEntity), { max: FRAME_ELEMENTS })),
  runtimes: omitEmpty(list(nullable(Runtime), { max: FRAME_ELEMENTS })),
  suspendedRuntimes: omitEmpty(list(nullable(Runtime), { max: FRAME_ELEMENTS })),
  nodes: omitEmpty(list(nullable(MultiSignedNode), { max: FRAME_ELEMENTS })),
  nodeStatuses: omitEmpty(map(PublicKey, nullable(NodeStatus), { max: FRAME_ELEMENTS })),
}) {}

/**
 * Checks parameters that are about to count.
 * @throws CodedError unknown/1 when a debug flag is set or the expiration limit is missing outside of development chains
 */
export function checkParameters(params: RegistryParameters, debug: DebugSwitches, feature261: boolean): void {
  if (!debug.dontBlameOasis) {
    if (params.debugAllowUnroutableAddresses || params.debugDeployImmediately) throw unknown("unsafe debug flags set");
    if (params.maxNodeExpiration === 0n) throw unknown("maximum node expiration not specified");
  }
  const whitelist = params.teeFeatures?.sgx.defaultPolicy?.pcs?.fmspcWhitelist ?? [];
  if (!feature261 && whitelist.length > 0) throw unknown("FMSPC whitelist is not supported yet");
}

/** The parameters after a governance proposal. */
export function changedParameters(params: RegistryParameters, changes: RegistryParameterChanges): RegistryParameters {
  return {
    ...params,
    disableRuntimeRegistration: changes.disableRuntimeRegistration ?? params.disableRuntimeRegistration,
    disableKeyManagerRuntimeRegistration:
      changes.disableKeyManagerRuntimeRegistration ?? params.disableKeyManagerRuntimeRegistration,
    gasCosts: changes.gasCosts ?? params.gasCosts,
    maxNodeExpiration: changes.maxNodeExpiration ?? params.maxNodeExpiration,
    enableRuntimeGovernanceModels: changes.enableRuntimeGovernanceModels ?? params.enableRuntimeGovernanceModels,
    teeFeatures: changes.teeFeatures ?? params.teeFeatures,
    maxRuntimeDeployments: changes.maxRuntimeDeployments ?? params.maxRuntimeDeployments,
    enableStorageCommittees: changes.enableStorageCommittees ?? params.enableStorageCommittees,
  };
}

/**
 * Refuses a proposal that changes nothing. The limit of deployments alone counts as nothing, as in the reference.
 * @throws CodedError unknown/1
 */
export function checkChanges(changes: RegistryParameterChanges): void {
  const given =
    changes.disableRuntimeRegistration !== undefined ||
    changes.disableKeyManagerRuntimeRegistration !== undefined ||
    changes.gasCosts !== null ||
    changes.maxNodeExpiration !== undefined ||
    changes.enableRuntimeGovernanceModels !== null ||
    changes.teeFeatures !== undefined ||
    changes.enableStorageCommittees !== undefined;
  if (!given) throw unknown("consensus parameter changes should not be empty");
}
