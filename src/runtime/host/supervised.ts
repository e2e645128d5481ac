import { readU16be } from "#common/bytes.js";
import { CodedError, Fault, reasonOf } from "#common/errors/index.js";
import { EventHub, type Subscription } from "#common/event-hub.js";
import type { Clock, Timer } from "#common/ports/clock.js";
import type { Entropy } from "#common/ports/entropy.js";
import type { Log } from "#common/ports/log.js";
import type { SortedMap } from "#common/sorted-map.js";
import {
  compareVersions,
  CONSENSUS_PROTOCOL,
  RUNTIME_HOST_PROTOCOL,
  type Version,
  versionToText,
} from "#common/version.js";
import { Connection } from "../rhp/connection.js";
import { CallFailure } from "../rhp/errors.js";
import type { AnswerOf, BodyValue, RuntimeInfoResponse, RuntimeRequestKind } from "../rhp/messages/index.js";
import type { RuntimeHost, RuntimeHostEvent } from "./host.js";
import { type HostEnvironment, HostHandler } from "./host-handler.js";
import { LaunchFailure, type RunningRuntime, type RuntimeLauncher } from "./launcher.js";

/** How long the runtime may take to tell about itself, in milliseconds (runtime layer: lifecycle). */
const INFO_DEADLINE_MS = 1000;
const ABORT_DEADLINE_MS = 1000;
/** Pauses before attempts to start, in milliseconds: the first is made at once, then they grow by half. */
const SHORTEST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 3_600_000;
/** After so long a run the next failure counts as the first one again, in milliseconds. */
const GOOD_RUN_MS = 900_000;
/** After so long without a good run no further attempt is made, in milliseconds. */
const LONGEST_TROUBLE_MS = 24 * 3_600_000;

/** How a runtime is made to prove that it is alive (runtime layer: lifecycle). */
export interface Watchdog {
  /** Time between two pings, in milliseconds. */
  readonly intervalMs: number;
  /** Time in which one must be answered, in milliseconds. */
  readonly deadlineMs: number;
}

/** Where a runtime is hosted: what a host needs whatever it runs. */
export interface SupervisedSite {
  readonly runtimeId: Uint8Array;
  /** Hexadecimal chain context of the consensus layer. */
  readonly chainContext: string;
  /** This node's settings for the runtime, each value encoded; they must never influence replicated results. */
  readonly localConfig?: SortedMap<string, Uint8Array>;
  readonly environment: HostEnvironment;
  readonly clock: Clock;
  readonly log: Log;
}

export interface SupervisedHostOptions extends SupervisedSite {
  readonly launcher: RuntimeLauncher;
  /** Version that the runtime has to have, as its bundle says; any when absent. */
  readonly version?: Version | undefined;
  /** Spreads restarts, so that runtimes of many nodes do not all start again at the same moment; exact when absent. */
  readonly entropy?: Entropy;
  /** Pings are sent only when it is there. */
  readonly watchdog?: Watchdog;
}

/** One run: the process or whatever it is, and the connection to it. */
interface Run {
  readonly runtime: RunningRuntime;
  readonly connection: Connection;
  ping?: Timer;
}

/**
 * Keeps a runtime running: starts it, asks what it is, watches over it and starts it anew when it has ended, after
 * pauses that grow. How it is started is the launcher's matter.
 */
export class SupervisedHost implements RuntimeHost {
  readonly runtimeId: Uint8Array;
  private readonly handler: HostHandler;
  private readonly events = new EventHub<RuntimeHostEvent>();
  private run: Run | undefined;
  private said: RuntimeInfoResponse | undefined;
  private wanted = false;
  private stoppedForGood = false;
  private pauseMs = 0;
  private startedAtMs = 0;
  private troubleSinceMs: number | undefined;
  private retry: Timer | undefined;
  private attempting: Promise<void> = Promise.resolve();
  /** Resolves when nothing is left of the latest run. */
  private left: Promise<void> = Promise.resolve();
  private firstStart: { resolve(): void; reject(error: unknown): void } | undefined;

  constructor(private readonly options: SupervisedHostOptions) {
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
      this.attempting = this.attempt();
    });
  }

  async stop(): Promise<void> {
    if (this.stoppedForGood) return;
    this.wanted = false;
    this.stoppedForGood = true;
    this.retry?.cancel();
    this.firstStart?.reject(new CallFailure("closed", "the runtime host was stopped"));
    this.firstStart = undefined;
    // Ended first, so that it has no chance to complain about the connection.
    this.run?.runtime.kill();
    this.run?.connection.close();
    this.events.close();
    // A runtime that is just being started is ended as soon as it is there, or at once where that can be done.
    this.options.launcher.cancel?.();
    await this.attempting;
    await this.left;
  }

  async call<K extends RuntimeRequestKind>(kind: K, value: BodyValue<K>, deadlineMs: number): Promise<AnswerOf<K>> {
    const { run } = this;
    if (run === undefined || this.said === undefined) {
      throw new CallFailure("closed", `${kind}: the runtime is not running`);
    }
    return await run.connection.call(kind, value, deadlineMs);
  }

  async abort(force = false): Promise<void> {
    const { run } = this;
    // One that is to start again in any case hears of it, too.
    const failure = await this.interrupt();
    if (!force && failure === undefined) return;
    if (!force) this.options.log.warn("runtime did not abort, restarting it", { error: failure });
    if (force) this.startWithoutPause();
    run?.connection.close();
  }

  /** Has the runtime give up what it is doing. Resolves with why it did not. */
  private async interrupt(): Promise<string | undefined> {
    try {
      await this.call("RuntimeAbortRequest", {}, ABORT_DEADLINE_MS);
      return undefined;
    } catch (error) {
      if (!(error instanceof CodedError || error instanceof CallFailure)) throw error;
      return error.message;
    }
  }

  /** Whoever forces a restart has a reason that is no failure of the runtime. */
  private startWithoutPause(): void {
    this.pauseMs = 0;
    if (this.retry === undefined) return;
    this.retry.cancel();
    this.startAgain();
  }

  watch(): Subscription<RuntimeHostEvent> {
    return this.events.subscribe();
  }

  private async attempt(): Promise<void> {
    let run: Run | undefined;
    try {
      await this.left;
      run = this.begin(await this.options.launcher.launch());
      if (run === undefined) return;
      this.accept(run, await this.introduce(run.connection));
    } catch (error) {
      if (!this.wanted) return;
      // Only when nothing is left of it, it is known how it ended.
      run?.connection.close();
      await this.left;
      if (!this.wanted) return;
      const failure = explained(error, run?.runtime);
      this.events.publish({ type: "failed-to-start", error: failure });
      this.options.log.error("runtime failed to start", { error: failure.message });
      if (run === undefined) this.startAgain();
    }
  }

  /** Listens to a runtime that has just been started; undefined when nobody wants it any more. */
  private begin(runtime: RunningRuntime): Run | undefined {
    this.left = runtime.ended;
    if (!this.wanted) {
      runtime.kill();
      return undefined;
    }
    const { clock, log } = this.options;
    const connection = new Connection({
      side: "host",
      stream: runtime.stream,
      handler: (request) => this.handler.handle(request),
      clock,
      log,
      onClose: () => this.ended(run),
    });
    const run: Run = { runtime, connection };
    this.run = run;
    connection.open();
    return run;
  }

  private async introduce(host: Connection): Promise<RuntimeInfoResponse> {
    const info = await host.call(
      "RuntimeInfoRequest",
      {
        runtimeId: this.runtimeId,
        consensusBackend: "tendermint",
        consensusProtocolVersion: CONSENSUS_PROTOCOL,
        consensusChainContext: this.options.chainContext,
        localConfig: this.options.localConfig,
      },
      INFO_DEADLINE_MS,
    );
    if (info.protocolVersion.major !== RUNTIME_HOST_PROTOCOL.major) {
      const [ours, theirs] = [RUNTIME_HOST_PROTOCOL, info.protocolVersion].map(versionToText);
      throw new CallFailure("unexpected", `incompatible protocol version (expected: ${ours} got: ${theirs})`);
    }
    const { version } = this.options;
    if (version !== undefined && compareVersions(version, info.runtimeVersion) !== 0) {
      const [bundled, said] = [version, info.runtimeVersion].map(versionToText);
      throw new CallFailure("unexpected", `unexpected runtime version (expected: ${bundled} got: ${said})`);
    }
    host.ready();
    return info;
  }

  private accept(run: Run, info: RuntimeInfoResponse): void {
    this.said = info;
    this.startedAtMs = this.options.clock.nowMs();
    this.firstStart?.resolve();
    this.firstStart = undefined;
    this.events.publish({ type: "started", version: info.runtimeVersion });
    this.watchOver(run);
  }

  /** A runtime that does not answer a ping is stuck: it is killed, and so started anew. */
  private watchOver(run: Run): void {
    const { watchdog, clock, log } = this.options;
    if (watchdog === undefined || run.connection.state !== "ready") return;
    run.ping = clock.setTimer(watchdog.intervalMs, () => {
      run.connection.call("RuntimePingRequest", {}, watchdog.deadlineMs).then(
        () => this.watchOver(run),
        (error: unknown) => {
          log.error("runtime does not answer, killing it", { error: reasonOf(error) });
          run.connection.close();
        },
      );
    });
  }

  private ended(run: Run): void {
    run.ping?.cancel();
    run.runtime.kill();
    if (this.run !== run) return;
    const ran = this.said !== undefined;
    this.run = undefined;
    this.said = undefined;
    if (ran) this.events.publish({ type: "stopped" });
    if (ran && this.options.clock.nowMs() - this.startedAtMs >= GOOD_RUN_MS) {
      this.pauseMs = 0;
      this.troubleSinceMs = undefined;
    }
    this.startAgain();
  }

  /** Half to one and a half of a pause (runtime layer: lifecycle). */
  private spread(pauseMs: number): number {
    const { entropy } = this.options;
    return entropy === undefined ? pauseMs : pauseMs * (0.5 + readU16be(entropy.bytes(2), 0) / 0xffff);
  }

  private startAgain(): void {
    if (!this.wanted) return;
    const { clock, log } = this.options;
    this.troubleSinceMs ??= clock.nowMs();
    if (clock.nowMs() - this.troubleSinceMs > LONGEST_TROUBLE_MS) {
      log.error("runtime did not run well for a day, giving it up");
      return;
    }
    this.retry = clock.setTimer(this.spread(this.pauseMs), () => {
      this.retry = undefined;
      this.attempting = this.attempt();
    });
    this.pauseMs = Math.min(Math.max(this.pauseMs * 1.5, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS);
  }
}

/** A failure to start, together with what is left of the run. */
function explained(error: unknown, runtime: RunningRuntime | undefined): Error {
  const reason = reasonOf(error);
  const end = runtime?.end?.();
  if (end === undefined) return error instanceof Error ? error : new LaunchFailure(reason, []);
  // That the connection was closed says less than how the other side ended.
  const closed = error instanceof CallFailure && error.problem === "closed" && end.how !== undefined;
  const told = closed ? `the runtime ended before it said what it is: ${end.how}` : reason;
  return new LaunchFailure(told, end.lastWords, { cause: error });
}
