/** Checks of a node descriptor before it may be stored (registry: RegisterNode). */
import { compareBytes, equalBytes, utf8 } from "#common/bytes.js";
import type { AcceptancePolicy } from "#common/crypto/signature.js";
import { isOnlySignedBy, isSignedBy } from "#common/crypto/signed.js";
import {
  hasRoles,
  ROLE_COMPUTE,
  ROLE_KEY_MANAGER,
  ROLE_OBSERVER,
  ROLE_STORAGE,
  ROLE_STORAGE_RPC,
  ROLE_VALIDATOR,
  ROLES_RESERVED,
} from "#common/node-roles.js";
import { compareVersions, type Version } from "#common/version.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import { registryErrors } from "../errors.js";
import type { RegistryParameters } from "../params.js";
import { getAnyRuntime, nodeBySubKey } from "../state.js";
import { type AttestationRules, verifyNodeRuntimeTee } from "../types/attestation.js";
import type { Entity } from "../types/entity.js";
import { type Node, type NodeRuntime, SOFTWARE_VERSION_MAX } from "../types/node.js";
import type { NodeAddress } from "../types/node-address.js";
import { type Runtime, RUNTIME_COMPUTE, RUNTIME_KEY_MANAGER } from "../types/runtime.js";
import { MultiSignedNode } from "../types/signed.js";
import { opened } from "./entity-descriptor.js";
import { isGlobalUnicast, isProbablyReachable } from "./reachability.js";

const RUNTIME_ROLES = ROLE_COMPUTE | ROLE_OBSERVER | ROLE_KEY_MANAGER | ROLE_STORAGE_RPC;
/** Before 26.1 observers needed no runtime. */
const RUNTIME_ROLES_BEFORE_261 = ROLE_COMPUTE | ROLE_KEY_MANAGER | ROLE_STORAGE_RPC;
const P2P_ADDRESS_ROLES = ROLE_COMPUTE | ROLE_KEY_MANAGER | ROLE_VALIDATOR | ROLE_STORAGE_RPC | ROLE_STORAGE;
/** Roles in which a node runs the code of a compute runtime. */
const EXECUTING_ROLES = ROLE_COMPUTE | ROLE_OBSERVER;
/** What nodes that only store list as the version of a runtime. */
const NO_VERSION: Version = { major: 0, minor: 0, patch: 0 };

/** What the current state of the network says about node descriptors. */
export interface NodeRules {
  readonly params: RegistryParameters;
  readonly epoch: bigint;
  readonly state: KeyValueReader;
  readonly policy: AcceptancePolicy;
  /** Genesis skips attestations and lets validators go without a P2P address. */
  readonly genesis: boolean;
  readonly attestation: AttestationRules;
}

/** A node descriptor that passed, and the runtimes it serves, each once, in its order. */
export interface VerifiedNode {
  readonly node: Node;
  readonly runtimes: readonly Runtime[];
}

function demand(ok: boolean, message: string): void {
  if (!ok) throw registryErrors.invalidArgument(message);
}

/** Whether a list has two equal elements. */
function checkUniqueVersions(entries: readonly NodeRuntime[], at: number): void {
  const entry = entries[at] as NodeRuntime;
  const repeated = entries
    .slice(0, at)
    .some((e) => equalBytes(e.id, entry.id) && compareVersions(e.version, entry.version) === 0);
  demand(!repeated, "duplicate version for runtime");
}

/** Whether a node only stores for a runtime: then nobody asks which version it has, or for trusted hardware. */
function onlyStores(node: Node, entry: NodeRuntime, runtime: Runtime): boolean {
  if (runtime.storage.committee === undefined) return false;
  if (!hasRoles(node.roles, ROLE_STORAGE) || hasRoles(node.roles, EXECUTING_ROLES)) return false;
  demand(compareVersions(entry.version, NO_VERSION) === 0, "version of a runtime that is only stored");
  demand(entry.capabilities.tee === undefined, "trusted hardware for a runtime that is only stored");
  return true;
}

/**
 * The bit of the storage role is one of the invalid ones unless a runtime of the node has storage committees: so it is
 * exactly for the nodes that v26.1 does not know either.
 */
function mayStore(node: Node, { params, state }: NodeRules): boolean {
  if (!params.enableStorageCommittees) return false;
  return (node.runtimes ?? []).some(
    (entry) => entry !== null && getAnyRuntime(state, entry.id)?.storage.committee !== undefined,
  );
}

function checkRoles(node: Node, rules: NodeRules): void {
  const invalid =
    hasRoles(node.roles, ROLES_RESERVED) || (hasRoles(node.roles, ROLE_STORAGE) && !mayStore(node, rules));
  demand(node.roles !== 0 && !invalid, "no roles or an invalid one specified");
}

function checkRuntime(node: Node, entry: NodeRuntime, runtime: Runtime, rules: NodeRules): void {
  const stored = onlyStores(node, entry, runtime);
  if (!rules.genesis && !stored) verifyNodeRuntimeTee(node.id, entry, runtime, rules.attestation);
  if (runtime.kind === RUNTIME_KEY_MANAGER) {
    demand(hasRoles(node.roles, ROLE_KEY_MANAGER), "key manager runtime not allowed");
  }
  if (runtime.kind === RUNTIME_COMPUTE && !stored) {
    demand(hasRoles(node.roles, EXECUTING_ROLES), "compute runtime not allowed");
  }
}

function checkRuntimes(node: Node, rules: NodeRules): Runtime[] {
  const entries = node.runtimes ?? [];
  if (entries.length === 0) {
    const needed = rules.attestation.feature261 ? RUNTIME_ROLES : RUNTIME_ROLES_BEFORE_261;
    demand(!hasRoles(node.roles, needed), "missing runtimes");
    return [];
  }
  const seen: NodeRuntime[] = [];
  const runtimes: Runtime[] = [];
  for (const entry of entries) {
    if (entry === null) throw registryErrors.invalidArgument("nil runtime");
    seen.push(entry);
    checkUniqueVersions(seen, seen.length - 1);
    const runtime = getAnyRuntime(rules.state, entry.id);
    if (runtime === undefined) throw registryErrors.noSuchRuntime();
    checkRuntime(node, entry, runtime, rules);
    if (!runtimes.some((r) => equalBytes(r.id, entry.id))) runtimes.push(runtime);
  }
  return runtimes;
}

function checkAddress({ ip }: NodeAddress, params: RegistryParameters): void {
  if (params.debugAllowUnroutableAddresses) return;
  const address = ip ?? new Uint8Array(0);
  demand(isGlobalUnicast(address), "address not global unicast");
  demand(isProbablyReachable(address), "address not routable");
}

function checkKey(key: Uint8Array, envelope: MultiSignedNode, what: string, policy: AcceptancePolicy): void {
  demand(!policy.forbids(key), `invalid ${what}`);
  demand(isSignedBy(envelope, key), `registration not signed by ${what}`);
}

function checkKeysAndAddresses(node: Node, envelope: MultiSignedNode, rules: NodeRules): void {
  const { params, policy } = rules;
  checkKey(node.consensus.id, envelope, "consensus ID", policy);
  const consensusAddresses = node.consensus.addresses ?? [];
  demand(consensusAddresses.length > 0 || !hasRoles(node.roles, ROLE_VALIDATOR), "missing consensus address");
  for (const { id, address } of consensusAddresses) {
    demand(!policy.forbids(id), "consensus address ID invalid");
    checkAddress(address, params);
  }
  checkKey(node.vrf.id, envelope, "VRF ID", policy);
  checkKey(node.tls.pubKey, envelope, "TLS public key", policy);
  checkKey(node.p2p.id, envelope, "P2P ID", policy);
  const p2pAddresses = node.p2p.addresses ?? [];
  const exempt = rules.genesis && hasRoles(node.roles, ROLE_VALIDATOR);
  demand(p2pAddresses.length > 0 || exempt || !hasRoles(node.roles, P2P_ADDRESS_ROLES), "missing node address");
  for (const address of p2pAddresses) checkAddress(address, params);
}

/** The four keys must differ from each other and from those of all other nodes. */
function checkUniqueKeys(node: Node, envelope: MultiSignedNode, state: KeyValueReader): void {
  const keys = [node.consensus.id, node.p2p.id, node.tls.pubKey, node.vrf.id];
  for (const key of keys) {
    const other = nodeBySubKey(state, key);
    demand(other === undefined || equalBytes(other.id, node.id), "key belongs to another node");
  }
  const sorted = [...keys].sort(compareBytes);
  const distinct = sorted.every((key, i) => i === 0 || !equalBytes(key, sorted[i - 1] as Uint8Array));
  demand(distinct, "node consensus, P2P, VRF and TLS keys not unique");
  demand(isOnlySignedBy(envelope, [node.id, ...keys]), "unexpected number of signatures");
}

/**
 * Verifies the signatures of a node descriptor and what it says, against its entity and the registered runtimes.
 * @throws CodedError registry/2 for wrong signatures or malformed content, registry/11 for an unknown runtime,
 * registry/8 for other trusted hardware, registry/1 for the rest
 */
export function verifyNode(envelope: MultiSignedNode, entity: Entity, rules: NodeRules): VerifiedNode {
  const { params, epoch, policy } = rules;
  const node = opened(() => MultiSignedNode.open(envelope, { policy }));
  demand(utf8(node.softwareVersion).length <= SOFTWARE_VERSION_MAX, "software version too long");
  checkRoles(node, rules);
  demand(equalBytes(entity.id, node.entityId), "node entity ID does not match");
  demand(isSignedBy(envelope, node.id), "registration not signed by node identity");
  demand(
    entity.nodes.some((id) => equalBytes(id, node.id)),
    "node public key not found in the entity's node list",
  );
  const latest = BigInt.asUintN(64, epoch + params.maxNodeExpiration);
  demand(params.maxNodeExpiration === 0n || node.expiration <= latest, "expiration period greater than allowed");
  const runtimes = checkRuntimes(node, rules);
  checkKeysAndAddresses(node, envelope, rules);
  checkUniqueKeys(node, envelope, rules.state);
  return { node, runtimes };
}
