import { CodedError } from "#common/errors/index.js";
import type { Subscription } from "#common/event-hub.js";
import { Inbox } from "#common/inbox.js";
import type { Clock, Timer } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";
import type { Backend } from "#consensus/backends/backend.js";
import type { RuntimeHost, RuntimeHostEvent } from "#runtime/host/host.js";
import { CallFailure } from "#runtime/rhp/errors.js";

/** How long a runtime may take to follow the chain to a block, in milliseconds. */
const DEADLINE_MS = 10_000;
/** Least time between two messages, in milliseconds: blocks on demand may come much faster than a light client needs. */
const PAUSE_MS = 100;

/**
 * Tells a runtime of every consensus block, so that its light client does not fall behind. While it is busy only the
 * newest block waits for it (runtime host protocol: updates).
 */
export class ConsensusSync {
  private readonly inbox: Inbox<"news">;
  private height = 0n;
  private reached = false;
  private detach: () => void = () => undefined;
  private events: Subscription<RuntimeHostEvent> | undefined;
  private following: Promise<void> = Promise.resolve();
  private endPause: () => void = () => undefined;

  constructor(
    private readonly backend: Backend,
    private readonly host: RuntimeHost,
    private readonly clock: Clock,
    log: Log,
    /** Called when a runtime that was started has caught up with the chain. */
    private readonly caughtUp: () => void = () => undefined,
  ) {
    this.inbox = new Inbox<"news">({
      capacity: 1,
      handle: () => this.tell(),
      failed(error) {
        const level = error instanceof CodedError || error instanceof CallFailure ? "debug" : "error";
        log[level]("runtime does not follow the chain", { error: String(error) });
      },
    });
  }

  /** Whether the runtime, as it runs now, has followed the chain to the newest block that there was, if any. */
  get isDone(): boolean {
    return this.host.info !== undefined && (this.reached || this.backend.latestHeight === 0n);
  }

  start(): void {
    this.detach = this.backend.onBlock(({ height }) => {
      this.height = height;
      this.inbox.offer("news");
    });
    this.events = this.host.watch();
    this.following = this.follow(this.events);
    if (this.host.info !== undefined) this.catchUp();
  }

  /** Stops telling; what the runtime is told at the moment is not waited for. */
  async stop(): Promise<void> {
    this.detach();
    this.endPause();
    this.events?.close();
    await Promise.all([this.following, this.inbox.stop()]);
  }

  /** A runtime that has just started does not wait for the next block, which may be long in coming. */
  private async follow(events: Subscription<RuntimeHostEvent>): Promise<void> {
    for await (const { type } of events) {
      this.reached = false;
      if (type === "started") this.catchUp();
    }
  }

  private catchUp(): void {
    this.height = this.backend.latestHeight;
    if (this.height > 0n) this.inbox.offer("news");
  }

  private async tell(): Promise<void> {
    if (this.host.info === undefined) return;
    await this.host.call("RuntimeConsensusSyncRequest", { height: this.height }, DEADLINE_MS);
    if (!this.reached) {
      this.reached = true;
      this.caughtUp();
    }
    await this.pause();
  }

  private async pause(): Promise<void> {
    let timer: Timer | undefined;
    await new Promise<void>((resolve) => {
      this.endPause = resolve;
      timer = this.clock.setTimer(PAUSE_MS, resolve);
    });
    timer?.cancel();
  }
}
