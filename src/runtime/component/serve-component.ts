import { equalBytes } from "#common/bytes.js";
import { CodedError, DecodeError } from "#common/errors/index.js";
import { Inbox } from "#common/inbox.js";
import type { Clock } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";
import { RUNTIME_HOST_PROTOCOL } from "#common/version.js";
import type { AnnotatedBlock } from "#consensus/services/roothash/types.js";
import { Refusal } from "../kit/refusal.js";
import { Connection } from "../rhp/connection.js";
import { dispatcherErrors } from "../rhp/errors.js";
import { type Body, bodyOf, type RuntimeInfoRequest, type RuntimeQueryRequest } from "../rhp/messages/index.js";
import type { Duplex } from "../rhp/transport.js";
import { ComponentHost } from "./component-host.js";
import { ComponentConfig, CONFIG_QUERY } from "./config.js";
import type { ComponentProgram } from "./define-component.js";

/** Blocks with events that may wait; a component that falls behind further is told so and misses them. */
const MAX_WAITING = 1024;

/** What handlers work on: the start, a block, or events of one. */
type Task = { readonly what: string; run(host: ComponentHost): Promise<void> };

export interface ServeComponentOptions {
  /** The connection to the node. */
  readonly stream: Duplex;
  readonly clock: Clock;
  readonly log: Log;
  /** Called when the node has closed the connection. */
  readonly closed: () => void;
}

/** One component that is being run. */
class ComponentServer {
  private readonly connection: Connection;
  private readonly tasks: Inbox<Task>;
  private readonly log: Log;
  private host: ComponentHost | undefined;
  private newest: AnnotatedBlock | undefined;

  constructor(
    private readonly program: ComponentProgram,
    { stream, clock, log, closed }: ServeComponentOptions,
  ) {
    this.log = log;
    this.tasks = new Inbox<Task>({
      capacity: MAX_WAITING,
      handle: ({ run }) => this.withHost(run),
      failed: (error, { what }) => log.error(`${what} failed`, { error: textOf(error) }),
    });
    const onClose = (): void => {
      void this.tasks.stop();
      closed();
    };
    const handler = (request: Body): Body | Promise<Body> => this.answer(request);
    this.connection = new Connection({ side: "runtime", stream, handler, clock, log, onClose });
  }

  start(): void {
    this.connection.open();
    this.connection.ready();
  }

  private offer(task: Task): void {
    if (!this.tasks.offer(task)) this.log.error(`${task.what} is missed: too much waits`);
  }

  private async withHost(run: Task["run"]): Promise<void> {
    if (this.host !== undefined) await run(this.host);
  }

  private answer(request: Body): Body | Promise<Body> {
    switch (request.type) {
      case "RuntimeInfoRequest":
        return this.introduce(request.value);
      case "RuntimePingRequest":
        return bodyOf("Empty", {});
      case "RuntimeConsensusSyncRequest":
        return bodyOf("RuntimeConsensusSyncResponse", {});
      case "RuntimeKeyManagerStatusUpdateRequest":
        return bodyOf("RuntimeKeyManagerStatusUpdateResponse", {});
      case "RuntimeKeyManagerQuotePolicyUpdateRequest":
        return bodyOf("RuntimeKeyManagerQuotePolicyUpdateResponse", {});
      case "RuntimeCapabilityTEERakInitRequest":
        return bodyOf("RuntimeCapabilityTEERakInitResponse", {});
      case "RuntimeQueryRequest":
        return this.query(request.value);
      case "RuntimeNotifyRequest": {
        const { runtimeBlock, runtimeEvent } = request.value;
        if (runtimeBlock !== undefined) this.tellBlock(runtimeBlock);
        if (runtimeEvent?.block) this.tellEvents(runtimeEvent.block, runtimeEvent.tags);
        return bodyOf("Empty", {});
      }
      default:
        throw dispatcherErrors.methodNotSupported();
    }
  }

  private introduce(info: RuntimeInfoRequest): Body {
    if (this.host !== undefined) throw dispatcherErrors.alreadyInitialized();
    const { version, init } = this.program;
    this.host = new ComponentHost(this.connection, info);
    if (init !== undefined) this.offer({ what: "start", run: (host) => Promise.resolve(init(host)) });
    return bodyOf("RuntimeInfoResponse", {
      protocolVersion: RUNTIME_HOST_PROTOCOL,
      runtimeVersion: version,
      features: {
        scheduleControl: undefined,
        keyManagerQuotePolicyUpdates: false,
        keyManagerStatusUpdates: false,
        endorsedCapabilityTee: false,
      },
    });
  }

  private async query({ method, args }: RuntimeQueryRequest): Promise<Body> {
    const { notifications, queries } = this.program;
    if (method === CONFIG_QUERY) {
      return bodyOf("RuntimeQueryResponse", { data: ComponentConfig.encode({ notifications }) });
    }
    const found = Object.hasOwn(queries, method) ? queries[method] : undefined;
    if (found === undefined || this.host === undefined) throw dispatcherErrors.methodNotSupported();
    try {
      return bodyOf("RuntimeQueryResponse", { data: await found.execute(this.host, args) });
    } catch (error) {
      if (error instanceof DecodeError) throw dispatcherErrors.malformedRequest();
      if (error instanceof Refusal) throw new CodedError("rofl", 1, error.message);
      throw error;
    }
  }

  /** Only the newest block waits. */
  private tellBlock(block: AnnotatedBlock): void {
    const { onBlock } = this.program;
    if (onBlock === undefined) return;
    const waits = this.newest !== undefined;
    this.newest = block;
    if (waits) return;
    const run = async (host: ComponentHost): Promise<void> => {
      const newest = this.newest;
      this.newest = undefined;
      if (newest !== undefined) await onBlock(host, newest);
    };
    this.offer({ what: "handler of blocks", run });
  }

  private tellEvents(block: AnnotatedBlock, tags: readonly Uint8Array[]): void {
    const header = block.block?.header;
    if (header === undefined) return;
    for (const handler of this.program.events) {
      if (!tags.some((tag) => equalBytes(tag, handler.tag))) continue;
      this.offer({ what: "handler of events", run: (host) => handler.handle(host, header, block) });
    }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/**
 * Runs off-chain logic for the node at the other end of a stream until the node closes it. A handler that fails is told
 * in the log, and the next one runs.
 */
export function serveComponent(program: ComponentProgram, options: ServeComponentOptions): void {
  new ComponentServer(program, options).start();
}
