import { hasRoles, ROLE_VALIDATOR } from "#common/node-roles.js";
import { SortedMap } from "#common/sorted-map.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import { decodeEvent } from "../../app/events.js";
import type { AbciEvent } from "../../transaction/results.js";
import { registryErrors } from "./errors.js";
import {
  entityEvent,
  nodeEvent,
  nodeUnfrozenEvent,
  type RegistryEvent,
  runtimeStartedEvent,
  runtimeSuspendedEvent,
} from "./events.js";
import { type RegistryGenesis, registryParameters } from "./params.js";
import * as states from "./state.js";
import type { Entity } from "./types/entity.js";
import { isNodeExpired, type Node } from "./types/node.js";
import type { Runtime } from "./types/runtime.js";
import type { NodeStatus } from "./types/status.js";

/** Size of the address of a consensus key, in bytes. */
const ADDRESS_BYTES = 20;

/** `GetEntity`. @throws CodedError registry/9 */
export function entity(state: KeyValueReader, id: Uint8Array): Entity {
  const found = states.getEntity(state, id);
  if (found === undefined) throw registryErrors.noSuchEntity();
  return found;
}

/** `GetEntities`, in the order of hashed identifiers. */
export function entities(state: KeyValueReader): Entity[] {
  return states.signedEntityList(state).map(states.storedEntity);
}

/** `GetNode`: an expired node is hidden. @throws CodedError registry/10 */
export function node(state: KeyValueReader, id: Uint8Array, epoch: bigint): Node {
  const found = states.loadNode(state, id);
  if (isNodeExpired(found, epoch)) throw registryErrors.noSuchNode();
  return found;
}

/** `GetNodes`: without expired ones, by identifier. */
export function nodes(state: KeyValueReader, epoch: bigint): Node[] {
  return states.nodeList(state).filter((n) => !isNodeExpired(n, epoch));
}

/** `GetNodeByConsensusAddress`: expired or not. @throws CodedError registry/10 */
export function nodeByConsensusAddress(state: KeyValueReader, address: Uint8Array): Node {
  const found = address.length === ADDRESS_BYTES ? states.nodeByConsensusAddress(state, address) : undefined;
  if (found === undefined) throw registryErrors.noSuchNode();
  return found;
}

/** `GetNodeStatus`: expired or not. @throws CodedError registry/10 */
export function nodeStatus(state: KeyValueReader, id: Uint8Array): NodeStatus {
  return states.loadNodeStatus(state, id);
}

/** `GetRuntime`. @throws CodedError registry/11 */
export function runtime(state: KeyValueReader, id: Uint8Array, includeSuspended: boolean): Runtime {
  const found = includeSuspended ? states.getAnyRuntime(state, id) : states.getRuntime(state, id);
  if (found === undefined) throw registryErrors.noSuchRuntime();
  return found;
}

/** `GetRuntimes`: active ones, then, if asked for, suspended ones. */
export function runtimes(state: KeyValueReader, includeSuspended: boolean): Runtime[] {
  return includeSuspended ? states.allRuntimes(state) : states.runtimeList(state);
}

/** `StateToGenesis`: of the nodes only validators are kept, the others have to register again. */
export function toGenesis(state: KeyValueReader): RegistryGenesis {
  const validators = states.signedNodeList(state).filter((n) => hasRoles(states.storedNode(n).roles, ROLE_VALIDATOR));
  const nodeStatuses = SortedMap.bytes<NodeStatus | null>();
  for (const envelope of validators) {
    const { id } = states.storedNode(envelope);
    nodeStatuses.set(id, states.loadNodeStatus(state, id));
  }
  return {
    params: registryParameters.load(state),
    entities: states.signedEntityList(state),
    runtimes: states.runtimeList(state),
    suspendedRuntimes: states.suspendedRuntimeList(state),
    nodes: validators,
    nodeStatuses,
  };
}

/**
 * Reads a registry event out of a carrying event; undefined for events of others and for the mark of a new node list.
 * @param txHash hash of the transaction, the empty hash for events of the block itself
 */
export function event(carrier: AbciEvent, height: bigint, txHash: Uint8Array): RegistryEvent | undefined {
  const found = {
    runtimeStarted: decodeEvent(runtimeStartedEvent, carrier),
    runtimeSuspended: decodeEvent(runtimeSuspendedEvent, carrier),
    entity: decodeEvent(entityEvent, carrier),
    node: decodeEvent(nodeEvent, carrier),
    nodeUnfrozen: decodeEvent(nodeUnfrozenEvent, carrier),
  };
  const any = found.runtimeStarted ?? found.runtimeSuspended ?? found.entity ?? found.node ?? found.nodeUnfrozen;
  return any === undefined ? undefined : { height, txHash, ...found };
}
