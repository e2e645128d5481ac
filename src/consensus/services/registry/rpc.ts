import { PublicKey } from "#common/crypto/keys.js";
import { FRAME_ELEMENTS } from "#common/limits.js";
import { Namespace } from "#common/namespace.js";
import { bool, bytes, i64, list, nothing, nullable, omitEmpty, struct } from "#common/schema/index.js";
import { defineMethods, stream, unary } from "#common/rpc/index.js";
import { EntityEvent, NodeEvent, RegistryEvent } from "./events.js";
import { RegistryGenesis, RegistryParameters } from "./params.js";
import { Entity } from "./types/entity.js";
import { Node } from "./types/node.js";
import { Runtime } from "./types/runtime.js";
import { NodeStatus } from "./types/status.js";

/** A node or entity at a height; 0 is the latest. */
export class IdQuery extends struct("IdQuery", { height: i64, id: PublicKey }) {}
/** A runtime at a height; 0 is the latest. */
export class NamespaceQuery extends struct("NamespaceQuery", { height: i64, id: Namespace }) {}
export class GetRuntimeQuery extends struct("GetRuntimeQuery", {
  height: i64,
  id: Namespace,
  includeSuspended: omitEmpty(bool),
}) {}
export class GetRuntimesQuery extends struct("GetRuntimesQuery", { height: i64, includeSuspended: bool }) {}
export class ConsensusAddressQuery extends struct("ConsensusAddressQuery", {
  height: i64,
  address: bytes({ max: 64 }),
}) {}
/** The nodes of an epoch, by identifier. */
export class NodeList extends struct("NodeList", { nodes: nullable(list(Node, { max: FRAME_ELEMENTS })) }) {}

const many = { max: FRAME_ELEMENTS };

/** Methods of the registry's client API; heights of 0 mean the latest. */
export const registryMethods = defineMethods("Registry", {
  GetEntity: unary(IdQuery, Entity),
  GetEntities: unary(i64, nullable(list(Entity, many))),
  GetNode: unary(IdQuery, Node),
  GetNodes: unary(i64, nullable(list(Node, many))),
  GetNodeStatus: unary(IdQuery, NodeStatus),
  GetNodeByConsensusAddress: unary(ConsensusAddressQuery, Node),
  GetRuntime: unary(GetRuntimeQuery, Runtime),
  GetRuntimes: unary(GetRuntimesQuery, nullable(list(Runtime, many))),
  StateToGenesis: unary(i64, RegistryGenesis),
  ConsensusParameters: unary(i64, RegistryParameters),
  GetEvents: unary(i64, nullable(list(RegistryEvent, many))),
  WatchEntities: stream(nothing, EntityEvent),
  WatchNodes: stream(nothing, NodeEvent),
  WatchNodeList: stream(nothing, NodeList),
  WatchRuntimes: stream(nothing, Runtime),
  WatchEvents: stream(nothing, RegistryEvent),
});
