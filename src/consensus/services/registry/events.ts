import { Hash } from "#common/hash.js";
import { Namespace } from "#common/namespace.js";
import { PublicKey } from "#common/crypto/keys.js";
import { bool, i64, nullable, omitEmpty, optional, struct } from "#common/schema/index.js";
import type { Context } from "../../app/context.js";
import { defineEvent, eventType } from "../../app/events.js";
import { defineTopic } from "../../app/topics.js";
import { APP_NAME } from "./errors.js";
import { Entity } from "./types/entity.js";
import { Node } from "./types/node.js";
import { Runtime } from "./types/runtime.js";

/** An entity was registered, or is one no more. */
export class EntityEvent extends struct("EntityEvent", { entity: nullable(Entity), isRegistration: bool }) {}
/** A node was registered, or its registration expired. */
export class NodeEvent extends struct("NodeEvent", { node: nullable(Node), isRegistration: bool }) {}
/** A runtime was registered, updated or resumed. */
export class RuntimeStartedEvent extends struct("RuntimeStartedEvent", { runtime: nullable(Runtime) }) {}
export class RuntimeSuspendedEvent extends struct("RuntimeSuspendedEvent", { runtimeId: Namespace }) {}
export class NodeUnfrozenEvent extends struct("NodeUnfrozenEvent", { nodeId: PublicKey }) {}

export const entityEvent = defineEvent(APP_NAME, "entity", EntityEvent);
export const nodeEvent = defineEvent(APP_NAME, "node", NodeEvent);
export const runtimeStartedEvent = defineEvent(APP_NAME, "runtime_started", RuntimeStartedEvent);
export const runtimeSuspendedEvent = defineEvent(APP_NAME, "runtime_suspended", RuntimeSuspendedEvent);
export const nodeUnfrozenEvent = defineEvent(APP_NAME, "node_unfrozen", NodeUnfrozenEvent);
/** Attribute that marks the node list of a new epoch; its value means nothing. */
export const NODE_LIST_EPOCH = "node_list_epoch";

/** Says that the node list of a new epoch stands. */
export function emitNodeListEpoch(ctx: Context): void {
  ctx.emitPlain(eventType(APP_NAME), { key: NODE_LIST_EPOCH, value: "1" });
}

/** An event as queries and streams answer it; exactly one of the kinds is set. */
export class RegistryEvent extends struct("RegistryEvent", {
  height: omitEmpty(i64),
  txHash: Hash,
  runtimeStarted: optional(RuntimeStartedEvent),
  runtimeSuspended: optional(RuntimeSuspendedEvent),
  entity: optional(EntityEvent),
  node: optional(NodeEvent),
  nodeUnfrozen: optional(NodeUnfrozenEvent),
}) {}

/** A runtime that was not there before has been registered; whoever keeps state per runtime creates it. */
export const newRuntimeRegistered = defineTopic<Runtime>("registry: new runtime registered");
/** A runtime is about to be stored, new or changed; subscribers throw to refuse its parameters. */
export const runtimeUpdated = defineTopic<Runtime>("registry: runtime updated");
/** A suspended runtime is active again. */
export const runtimeResumed = defineTopic<Runtime>("registry: runtime resumed");
