import { compareBytes, equalBytes } from "#common/bytes.js";
import { Fault } from "#common/errors/index.js";
import { deepFreeze } from "#common/freeze.js";
import { hash } from "#common/hash.js";
import type { Schema } from "#common/schema/index.js";
import type { KeyValueReader, KeyValueStore } from "#mkvs/key-value.js";
import type { Context } from "../../app/context.js";
import { bytesPart, hashedPart, hashPart, keySet, rawTable, sharedTable, table } from "../../app/table.js";
import { CONSENSUS_ADDRESS_SIZE, consensusAddress } from "../../block/block-id.js";
import { registryErrors } from "./errors.js";
import { runtimeSuspendedEvent } from "./events.js";
import { Entity } from "./types/entity.js";
import { Node } from "./types/node.js";
import { Runtime } from "./types/runtime.js";
import { MultiSignedNode, SignedEntity } from "./types/signed.js";
import { NodeStatus } from "./types/status.js";

/** Entity identifier -> signed descriptor. */
export const entities = sharedTable(0x10, [hashedPart], SignedEntity);
/** Node identifier -> signed descriptor. */
export const signedNodes = sharedTable(0x11, [hashedPart], MultiSignedNode);
/** Index: nodes of an entity. */
const nodesByEntity = keySet(0x12, [hashedPart, hashedPart]);
/** Runtime identifier -> descriptor of an active runtime. */
export const activeRuntimes = sharedTable(0x13, [hashedPart], Runtime);
/** Consensus address -> node identifier. */
const nodesByConsensusAddress = rawTable(0x14, [bytesPart(CONSENSUS_ADDRESS_SIZE)]);
/** Node identifier -> status. */
export const nodeStatuses = table(0x15, [hashedPart], NodeStatus);
/** Consensus, P2P, VRF or TLS key -> node identifier. */
const nodesByKey = rawTable(0x17, [hashedPart]);
/** Runtime identifier -> descriptor of a suspended runtime. */
export const suspendedRuntimes = sharedTable(0x18, [hashedPart], Runtime);
/** Index: runtimes of an entity. */
const runtimesByOwner = keySet(0x19, [hashedPart, hashedPart]);
/** The same families with keys as they are read back. */
const signedNodesByHash = sharedTable(0x11, [hashPart], MultiSignedNode);
const nodesByEntityHash = keySet(0x12, [hashPart, hashPart]);
const runtimesByOwnerHash = keySet(0x19, [hashPart, hashPart]);

/** Opens stored envelopes of one kind. Envelopes are shared between readers, and so is what was found in them. */
function opener<E extends { readonly untrustedRawValue: Uint8Array }, T>(
  what: string,
  schema: Schema<T>,
): (envelope: E) => T {
  const opened = new WeakMap<E, T>();
  return (envelope) => {
    const known = opened.get(envelope);
    if (known !== undefined) return known;
    try {
      const value = deepFreeze(schema.decode(envelope.untrustedRawValue));
      opened.set(envelope, value);
      return value;
    } catch (cause) {
      throw new Fault(`corrupted state: ${what}`, { cause });
    }
  };
}

/** The descriptor inside a stored envelope; frozen. */
export const storedEntity = opener<SignedEntity, Entity>("entity", Entity);

/** The descriptor inside a stored envelope; frozen. */
export const storedNode = opener<MultiSignedNode, Node>("node", Node);

function byNodeId(a: Node, b: Node): number {
  return compareBytes(a.id, b.id);
}

export function getEntity(state: KeyValueReader, id: Uint8Array): Entity | undefined {
  const envelope = entities.get(state, id);
  return envelope === undefined ? undefined : storedEntity(envelope);
}

/** Signed descriptors of all entities, in the order of their hashed identifiers. */
export function signedEntityList(state: KeyValueReader): SignedEntity[] {
  return entities.entries(state).map(([, envelope]) => envelope);
}

/** Removes an entity; undefined when there is none. */
export function removeEntity(state: KeyValueStore, id: Uint8Array): Entity | undefined {
  const entity = getEntity(state, id);
  if (entity !== undefined) entities.remove(state, id);
  return entity;
}

/** A node, expired ones included. */
export function getNode(state: KeyValueReader, id: Uint8Array): Node | undefined {
  const envelope = signedNodes.get(state, id);
  return envelope === undefined ? undefined : storedNode(envelope);
}

/** @throws CodedError registry/10 when there is no such node */
export function loadNode(state: KeyValueReader, id: Uint8Array): Node {
  const node = getNode(state, id);
  if (node === undefined) throw registryErrors.noSuchNode();
  return node;
}

/** All nodes, expired ones included, by identifier. */
export function nodeList(state: KeyValueReader): Node[] {
  return signedNodeList(state).map(storedNode).sort(byNodeId);
}

/** Signed descriptors of all nodes, in the order of their hashed identifiers. */
export function signedNodeList(state: KeyValueReader): MultiSignedNode[] {
  return signedNodes.entries(state).map(([, envelope]) => envelope);
}

/** Nodes of an entity, expired ones included, by identifier. */
export function entityNodes(state: KeyValueReader, entityId: Uint8Array): Node[] {
  const found = nodesByEntityHash.entries(state, hash(entityId)).map(([[, nodeHash]]) => {
    const envelope = signedNodesByHash.get(state, nodeHash);
    if (envelope === undefined) throw new Fault("corrupted state: index names a missing node");
    return storedNode(envelope);
  });
  return found.sort(byNodeId);
}

function startsWith(state: KeyValueReader, prefix: Uint8Array): boolean {
  const it = state.iterator();
  it.seek(prefix);
  return it.valid && equalBytes(it.key.subarray(0, prefix.length), prefix);
}

/** Whether an entity has nodes, expired ones included. */
export function hasEntityNodes(state: KeyValueReader, entityId: Uint8Array): boolean {
  return startsWith(state, nodesByEntityHash.key(hash(entityId), new Uint8Array(32)).subarray(0, 33));
}

export function hasEntityRuntimes(state: KeyValueReader, entityId: Uint8Array): boolean {
  return startsWith(state, runtimesByOwnerHash.key(hash(entityId), new Uint8Array(32)).subarray(0, 33));
}

/** Identifier of the node with a consensus address (20 bytes). */
export function nodeIdByConsensusAddress(state: KeyValueReader, address: Uint8Array): Uint8Array | undefined {
  return nodesByConsensusAddress.get(state, address);
}

/** The node with a consensus address (20 bytes), expired or not. */
export function nodeByConsensusAddress(state: KeyValueReader, address: Uint8Array): Node | undefined {
  const id = nodeIdByConsensusAddress(state, address);
  return id === undefined ? undefined : getNode(state, id);
}

/** The node that uses a key as its consensus, P2P, VRF or TLS key. */
export function nodeBySubKey(state: KeyValueReader, key: Uint8Array): Node | undefined {
  const id = nodesByKey.get(state, key);
  return id === undefined ? undefined : getNode(state, id);
}

function subKeys(node: Node): readonly Uint8Array[] {
  return [node.consensus.id, node.p2p.id, node.vrf.id, node.tls.pubKey];
}

/** Stores a descriptor and its indices; keys that changed since the existing one lose their entries. */
export function setNode(state: KeyValueStore, existing: Node | undefined, node: Node, envelope: MultiSignedNode): void {
  signedNodes.set(state, [node.id], envelope);
  nodesByEntity.set(state, [node.entityId, node.id], true);
  const address = consensusAddress(node.consensus.id);
  if (existing !== undefined && !equalBytes(existing.consensus.id, node.consensus.id)) {
    nodesByConsensusAddress.remove(state, consensusAddress(existing.consensus.id));
  }
  nodesByConsensusAddress.set(state, [address], node.id);
  const before = existing === undefined ? [] : subKeys(existing);
  // Key by key, because a key may move from one use to another and its new entry must win or lose as in the reference.
  subKeys(node).forEach((key, i) => {
    const old = before[i];
    if (old !== undefined && !equalBytes(old, key)) nodesByKey.remove(state, old);
    nodesByKey.set(state, [key], node.id);
  });
}

/** Removes a node with its indices and its status. */
export function removeNode(state: KeyValueStore, node: Node): void {
  signedNodes.remove(state, node.id);
  nodesByEntity.remove(state, node.entityId, node.id);
  nodeStatuses.remove(state, node.id);
  nodesByConsensusAddress.remove(state, consensusAddress(node.consensus.id));
  for (const key of subKeys(node)) nodesByKey.remove(state, key);
}

export function getNodeStatus(state: KeyValueReader, nodeId: Uint8Array): NodeStatus | undefined {
  return nodeStatuses.get(state, nodeId);
}

/** @throws CodedError registry/10 when there is no such node */
export function loadNodeStatus(state: KeyValueReader, nodeId: Uint8Array): NodeStatus {
  const status = getNodeStatus(state, nodeId);
  if (status === undefined) throw registryErrors.noSuchNode();
  return status;
}

export function setNodeStatus(state: KeyValueStore, nodeId: Uint8Array, status: NodeStatus): void {
  nodeStatuses.set(state, [nodeId], status);
}

/** An active runtime. */
export function getRuntime(state: KeyValueReader, id: Uint8Array): Runtime | undefined {
  return activeRuntimes.get(state, id);
}

/** @throws CodedError registry/11 when there is no such active runtime */
export function loadRuntime(state: KeyValueReader, id: Uint8Array): Runtime {
  const runtime = getRuntime(state, id);
  if (runtime === undefined) throw registryErrors.noSuchRuntime();
  return runtime;
}

export function getSuspendedRuntime(state: KeyValueReader, id: Uint8Array): Runtime | undefined {
  return suspendedRuntimes.get(state, id);
}

/** A runtime, active or suspended. */
export function getAnyRuntime(state: KeyValueReader, id: Uint8Array): Runtime | undefined {
  return getRuntime(state, id) ?? getSuspendedRuntime(state, id);
}

/** Active runtimes, in the order of their hashed identifiers. */
export function runtimeList(state: KeyValueReader): Runtime[] {
  return activeRuntimes.entries(state).map(([, runtime]) => runtime);
}

/** Suspended runtimes, in the order of their hashed identifiers. */
export function suspendedRuntimeList(state: KeyValueReader): Runtime[] {
  return suspendedRuntimes.entries(state).map(([, runtime]) => runtime);
}

/** Active runtimes, then suspended ones. */
export function allRuntimes(state: KeyValueReader): Runtime[] {
  return [...runtimeList(state), ...suspendedRuntimeList(state)];
}

export function setRuntime(state: KeyValueStore, runtime: Runtime, suspended: boolean): void {
  (suspended ? suspendedRuntimes : activeRuntimes).set(state, [runtime.id], runtime);
}

/**
 * Suspends a runtime and says so in an event.
 * @throws CodedError registry/11 when there is no such active runtime
 */
export function suspendRuntime(ctx: Context, id: Uint8Array): void {
  const runtime = loadRuntime(ctx.state, id);
  activeRuntimes.remove(ctx.state, id);
  if (!ctx.isCheckTx) ctx.emit(runtimeSuspendedEvent, { runtimeId: id });
  suspendedRuntimes.set(ctx.state, [id], runtime);
}

/** Makes a suspended runtime active again; false when it is not suspended. */
export function resumeRuntime(state: KeyValueStore, id: Uint8Array): boolean {
  const runtime = getSuspendedRuntime(state, id);
  if (runtime === undefined) return false;
  suspendedRuntimes.remove(state, id);
  activeRuntimes.set(state, [id], runtime);
  return true;
}

export function setRuntimeOwner(state: KeyValueStore, id: Uint8Array, entityId: Uint8Array): void {
  runtimesByOwner.set(state, [entityId, id], true);
}

export function removeRuntimeOwner(state: KeyValueStore, id: Uint8Array, entityId: Uint8Array): void {
  runtimesByOwner.remove(state, entityId, id);
}
