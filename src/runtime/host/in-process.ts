import { CodedError, Fault } from "#common/errors/index.js";
import { EventHub, type Subscription } from "#common/event-hub.js";
import type { Clock, Timer } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";
import { CONSENSUS_PROTOCOL, RUNTIME_HOST_PROTOCOL, versionToText } from "#common/version.js";
import type { RuntimeProgram } from "../kit/define-runtime.js";
import { Dispatcher } from "../kit/dispatcher.js";
import type { HostPort } from "../kit/host-port.js";
import { Connection } from "../rhp/connection.js";
import { CallFailure } from "../rhp/errors.js";
import type { AnswerOf, BodyValue, RuntimeInfoResponse, RuntimeRequestKind } from "../rhp/messages/index.js";
import type { RuntimeHost, RuntimeHostEvent } from "./host.js";
import { type HostEnvironment, HostHandler } from "./host-handler.js";
import { queueStream } from "./queue-stream.js";

/** How long the runtime may take to tell about itself, in milliseconds (runtime layer: lifecycle). */
const INFO_DEADLINE_MS = 1000;
const ABORT_DEADLINE_MS = 1000;
/** Pauses before attempts to start, in milliseconds: the first is made at once, then they grow by half. */
const SHORTEST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 3_600_000;
/** After so long a run the next failure counts as the first one again, in milliseconds. */
const GOOD_RUN_MS = 900_000;

export interface InProcessHostOptions {
  readonly runtimeId: Uint8Array;
  readonly program: RuntimeProgram;
  /** Hexadecimal chain context of the consensus layer. */
  readonly chainContext: string;
  readonly environment: HostEnvironment;
  /** How the program reads state. */
  readonly port: HostPort;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Hosts a runtime of the kit in this process. Every message is encoded, framed and decoded as over a socket, so what
 * works here works in a process of its own.
 */
export class InProcessHost implements RuntimeHost {
  readonly runtimeId: Uint8Array;
  private readonly handler: HostHandler;
  private readonly events = new EventHub<RuntimeHostEvent>();
  private connection: Connection | undefined;
  private said: RuntimeInfoResponse | undefined;
  private wanted = false;
  private stoppedForGood = false;
  private pauseMs = 0;
  private startedAtMs = 0;
  private retry: Timer | undefined;
  private firstStart: { resolve(): void; reject(error: unknown): void } | undefined;

  constructor(private readonly options: InProcessHostOptions) {
    this.runtimeId = options.runtimeId;
    this.handler = new HostHandler(options.environment);
  }

  get info(): RuntimeInfoResponse | undefined {
    return this.said;
  }

  start(): Promise<void> {
    if (this.wanted || this.stoppedForGood) throw new Fault("this runtime host was started before");
    this.wanted = true;
    return new Promise((resolve, reject) => {
      this.firstStart = { resolve, reject };
      void this.attempt();
    });
  }

  stop(): Promise<void> {
    if (this.stoppedForGood) return Promise.resolve();
    this.wanted = false;
    this.stoppedForGood = true;
    this.retry?.cancel();
    this.firstStart?.reject(new CallFailure("closed", "the runtime host was stopped"));
    this.firstStart = undefined;
    this.connection?.close();
    this.events.close();
    return Promise.resolve();
  }

  async call<K extends RuntimeRequestKind>(kind: K, value: BodyValue<K>, deadlineMs: number): Promise<AnswerOf<K>> {
    const { connection } = this;
    if (connection === undefined || this.said === undefined) {
      throw new CallFailure("closed", `${kind}: the runtime is not running`);
    }
    return await connection.call(kind, value, deadlineMs);
  }

  async abort(force = false): Promise<void> {
    if (!force) {
      try {
        await this.call("RuntimeAbortRequest", {}, ABORT_DEADLINE_MS);
        return;
      } catch (error) {
        if (!(error instanceof CodedError || error instanceof CallFailure)) throw error;
        this.options.log.warn("runtime did not abort, restarting it", { error: error.message });
      }
    }
    this.connection?.close();
  }

  watch(): Subscription<RuntimeHostEvent> {
    return this.events.subscribe();
  }

  private async attempt(): Promise<void> {
    const connection = this.begin();
    this.connection = connection;
    try {
      this.accept(await this.introduce(connection));
    } catch (error) {
      if (!this.wanted) return;
      this.events.publish({ type: "failed-to-start", error });
      this.options.log.error("runtime failed to start", { error: error instanceof Error ? error.message : "unknown" });
      connection.close();
    }
  }

  /** Makes both ends of a new stream and lets the runtime listen at one of them. */
  private begin(): Connection {
    const { program, port, clock, log } = this.options;
    const [hostEnd, runtimeEnd] = queueStream();
    const dispatcher = new Dispatcher(program, port);
    const runtime = new Connection({
      side: "runtime",
      stream: runtimeEnd,
      handler: (request) => dispatcher.handle(request),
      clock,
      log: log.child("runtime"),
    });
    const host: Connection = new Connection({
      side: "host",
      stream: hostEnd,
      handler: (request) => this.handler.handle(request),
      clock,
      log,
      onClose: () => this.ended(host),
    });
    runtime.open();
    runtime.ready();
    host.open();
    return host;
  }

  private async introduce(host: Connection): Promise<RuntimeInfoResponse> {
    const info = await host.call(
      "RuntimeInfoRequest",
      {
        runtimeId: this.runtimeId,
        consensusBackend: "tendermint",
        consensusProtocolVersion: CONSENSUS_PROTOCOL,
        consensusChainContext: this.options.chainContext,
      },
      INFO_DEADLINE_MS,
    );
    if (info.protocolVersion.major !== RUNTIME_HOST_PROTOCOL.major) {
      const [ours, theirs] = [RUNTIME_HOST_PROTOCOL, info.protocolVersion].map(versionToText);
      throw new CallFailure("unexpected", `incompatible protocol version (expected: ${ours} got: ${theirs})`);
    }
    host.ready();
    return info;
  }

  private accept(info: RuntimeInfoResponse): void {
    this.said = info;
    this.startedAtMs = this.options.clock.nowMs();
    this.firstStart?.resolve();
    this.firstStart = undefined;
    this.events.publish({ type: "started", version: info.runtimeVersion });
  }

  private ended(connection: Connection): void {
    if (this.connection !== connection) return;
    const ran = this.said !== undefined;
    this.connection = undefined;
    this.said = undefined;
    if (ran) this.events.publish({ type: "stopped" });
    if (!this.wanted) return;
    if (ran && this.options.clock.nowMs() - this.startedAtMs >= GOOD_RUN_MS) this.pauseMs = 0;
    this.retry = this.options.clock.setTimer(this.pauseMs, () => void this.attempt());
    this.pauseMs = Math.min(Math.max(this.pauseMs * 1.5, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS);
  }
}
