import { CodedError } from "#common/errors/index.js";
import { Inbox } from "#common/inbox.js";
import type { Clock, Timer } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";
import type { Backend } from "#consensus/backends/backend.js";
import type { RuntimeHost } from "#runtime/host/host.js";
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
  private detach: () => void = () => undefined;
  private endPause: () => void = () => undefined;

  constructor(
    private readonly backend: Backend,
    private readonly host: RuntimeHost,
    private readonly clock: Clock,
    log: Log,
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

  start(): void {
    this.detach = this.backend.onBlock(({ height }) => {
      this.height = height;
      this.inbox.offer("news");
    });
  }

  /** Stops telling; what the runtime is told at the moment is not waited for. */
  stop(): Promise<void> {
    this.detach();
    this.endPause();
    return this.inbox.stop();
  }

  private async tell(): Promise<void> {
    if (this.host.info === undefined) return;
    await this.host.call("RuntimeConsensusSyncRequest", { height: this.height }, DEADLINE_MS);
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
