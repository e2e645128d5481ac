import { equalBytes } from "#common/bytes.js";
import { EMPTY_HASH } from "#common/hash.js";
import { Inbox } from "#common/inbox.js";
import type { Clock } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";
import type { BlockOutcome } from "#consensus/app/block-run.js";
import type { Backend, CommittedBlock } from "#consensus/backends/backend.js";
import { readRuntimeEvent } from "#consensus/services/roothash/events.js";
import { getRuntimeState, lastBlockOf } from "#consensus/services/roothash/state.js";
import type { Event } from "#consensus/services/roothash/types.js";
import type { BlockHistory } from "#runtime/history/block-history.js";

/** After so many heights at a stretch others get their turn. */
const STRETCH = 64n;

export interface ChainFollowerOptions {
  readonly backend: Backend;
  readonly history: BlockHistory;
  readonly clock: Clock;
  readonly log: Log;
  /** Told of what happened to the runtime in a block, after its runtime block was recorded. Heights come in order. */
  readonly happened: (events: readonly Event[]) => void;
  /** Told when a runtime block was recorded. */
  readonly recorded: () => void;
}

/** Follows the consensus chain: records the blocks of one runtime and reports its events. */
export class ChainFollower {
  private readonly inbox: Inbox<"wake">;
  private latest: CommittedBlock | undefined;
  private detach: () => void = () => undefined;
  private release: () => void = () => undefined;
  private stopped = false;
  /** The last height that was looked at. */
  private height: bigint;

  constructor(private readonly options: ChainFollowerOptions) {
    this.height = options.history.lastHeight;
    this.inbox = new Inbox<"wake">({
      capacity: 2,
      handle: () => this.run(),
      failed: (error) => options.log.error("following the chain failed", { height: this.height, error: String(error) }),
    });
  }

  /** Catches up with the chain and follows it from then on; resolves when it has caught up. */
  async start(): Promise<void> {
    this.release = this.options.backend.hold(() => this.height);
    this.detach = this.options.backend.onBlock((block) => {
      this.latest = block;
      this.inbox.offer("wake");
    });
    this.inbox.offer("wake");
    await this.inbox.idle();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.detach();
    this.release();
    await this.inbox.stop();
  }

  private async run(): Promise<void> {
    const { backend, clock } = this.options;
    const earliest = backend.earliestHeight;
    if (this.height + 1n < earliest) this.height = earliest - 1n;
    for (let done = 1n; this.height < backend.latestHeight && !this.stopped; done++) {
      this.follow(this.height + 1n);
      if (done % STRETCH === 0n) await new Promise<void>((resolve) => clock.setTimer(0, resolve));
    }
  }

  private follow(height: bigint): void {
    const { backend } = this.options;
    const outcome = this.latest?.height === height ? this.latest.outcome : backend.results(height);
    if (outcome !== undefined) this.report(height, this.eventsOf(height, outcome));
    this.height = height;
  }

  private eventsOf(height: bigint, outcome: BlockOutcome): Event[] {
    const { runtimeId } = this.options.history;
    const carriers = [...outcome.beginEvents, ...outcome.results.flatMap((r) => r.events), ...outcome.endEvents];
    return carriers
      .map((carrier) => readRuntimeEvent(carrier, height, EMPTY_HASH))
      .filter((event) => event !== undefined)
      .filter((event) => equalBytes(event.runtimeId, runtimeId));
  }

  private report(height: bigint, events: readonly Event[]): void {
    if (events.length === 0) return;
    const finalized = events.some((event) => event.finalized !== undefined);
    if (finalized) this.record(height);
    this.options.happened(events);
    if (finalized) this.options.recorded();
  }

  private record(height: bigint): void {
    const { backend, history } = this.options;
    const state = getRuntimeState(backend.stateAt(height), history.runtimeId);
    if (state === undefined) return;
    const { header } = lastBlockOf(state);
    // After a crash between recording and noting the height, the block is there already.
    if (history.lastRound !== undefined && header.round <= history.lastRound) return;
    history.record([{ height, header }]);
  }
}
