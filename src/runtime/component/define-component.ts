import { assert } from "#common/assert.js";
import { utf8 } from "#common/bytes.js";
import type { Schema } from "#common/schema/index.js";
import type { Version } from "#common/version.js";
import type { AnnotatedBlock, Header } from "#consensus/services/roothash/types.js";
import type { EventType } from "../kit/context.js";
import type { ComponentHost, FoundEvent } from "./component-host.js";
import type { Notifications } from "./config.js";

/** What may take a while. */
type Awaitable<T> = T | Promise<T>;

/** Follows events of one type. */
export interface EventHandlerDefinition<T> {
  readonly event: EventType<T>;
  /** Runs once for each block that has emitted such events, with all of them. */
  readonly handle: (host: ComponentHost, events: readonly FoundEvent<T>[], block: AnnotatedBlock) => Awaitable<void>;
}

/** A handler whose type is hidden behind the event's encoding. */
export interface EventHandler {
  /** Key of the event's tag. */
  readonly tag: Uint8Array;
  handle(host: ComponentHost, header: Header, block: AnnotatedBlock): Promise<void>;
}

/** Declares a handler of events. The node says that a block has some; they are read from the block, with proofs. */
export function onEvents<T>({ event, handle }: EventHandlerDefinition<T>): EventHandler {
  return {
    tag: utf8(event.key),
    async handle(host, header, block) {
      await handle(host, await host.readEvents(header, event), block);
    },
  };
}

/** Follows events without a type, by the key of their tag. */
export interface TagHandlerDefinition {
  readonly tag: string;
  /** Runs once for each block that has emitted such a tag, with all of them. */
  readonly handle: (
    host: ComponentHost,
    found: readonly FoundEvent<Uint8Array>[],
    block: AnnotatedBlock,
  ) => Awaitable<void>;
}

/** Declares a handler of what a runtime emits with `ctx.emit`. */
export function onTag({ tag, handle }: TagHandlerDefinition): EventHandler {
  const key = utf8(tag);
  return {
    tag: key,
    async handle(host, header, block) {
      await handle(host, await host.readTags(header, key), block);
    },
  };
}

/** A query that clients send to the component itself. */
export interface ComponentQueryDefinition<A, R> {
  readonly args: Schema<A>;
  readonly result: Schema<R>;
  readonly execute: (host: ComponentHost, args: A) => Awaitable<R>;
}

/** A query whose types are hidden behind their encodings. */
export interface ComponentQuery {
  /** The encoded result. @throws DecodeError for malformed arguments */
  execute(host: ComponentHost, args: Uint8Array): Promise<Uint8Array>;
}

/** Declares a query. A Refusal becomes its error. */
export function componentQuery<A, R>({ args: form, result, execute }: ComponentQueryDefinition<A, R>): ComponentQuery {
  return {
    async execute(host, args) {
      return result.encode(await execute(host, form.decode(args, "runtime")));
    },
  };
}

/** What an author writes. Handlers run one after the other, in the order of what happened. */
export interface ComponentDefinition {
  /** As in the bundle. */
  readonly version: Version;
  /** Runs once, when the node has introduced itself, before anything else. */
  readonly init?: (host: ComponentHost) => Awaitable<void>;
  /** Runs for blocks of the runtime; while it is busy, only the newest block waits. */
  readonly onBlock?: (host: ComponentHost, block: AnnotatedBlock) => Awaitable<void>;
  /** Made by `onEvents` and `onTag`. */
  readonly events?: readonly EventHandler[];
  /** By name, for clients that name the component. */
  readonly queries?: Readonly<Record<string, ComponentQuery>>;
}

/** Off-chain logic that a node can run. */
export interface ComponentProgram extends Required<Omit<ComponentDefinition, "onBlock" | "init">> {
  readonly init: ComponentDefinition["init"];
  readonly onBlock: ComponentDefinition["onBlock"];
  /** What the node is asked to tell. */
  readonly notifications: Notifications;
}

/**
 * Defines off-chain logic that runs beside a runtime: it hears of blocks and events, talks to the world, and comes back
 * with transactions. It may be different on each node, take its time and fail: nothing of it is replicated.
 *
 * @throws AssertionFailure when two handlers follow the same event
 */
export function defineComponent(definition: ComponentDefinition): ComponentProgram {
  const { version, init, onBlock, events = [], queries = {} } = definition;
  const tags = events.map(({ tag }) => tag);
  assert(new Set(tags.map((tag) => tag.join())).size === tags.length, "two handlers follow the same event");
  return { version, init, onBlock, events, queries, notifications: { blocks: onBlock !== undefined, events: tags } };
}
