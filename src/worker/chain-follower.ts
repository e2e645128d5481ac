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
import type { BlockHistory, RecordedBlock } from "#runtime/history/block-history.js";

/** So many heights are taken at a time; then others get their turn. */
const STRETCH = 64n;
/** Events that were read from outcomes which somebody still has: in a process with many nodes all read the same ones. */
const eventsByOutcome = new WeakMap<BlockOutcome, readonly Event[]>();

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
    if (this.height + 1n < earliest) this.skipTo(earliest);
    while (this.height < backend.latestHeight && !this.stopped) {
      const last = this.height + STRETCH;
      this.follow(last < backend.latestHeight ? last : backend.latestHeight);
      if (this.height === last) await new Promise<void>((resolve) => clock.setTimer(0, resolve));
    }
  }

  /** Goes on where the chain still has blocks. The runtime's last block before that is known from its state. */
  private skipTo(height: bigint): void {
    const { backend, history, log } = this.options;
    const state = getRuntimeState(backend.stateAt(height), history.runtimeId);
    if (state !== undefined && state.lastBlockHeight < height) {
      log.info("earlier blocks are gone", { from: this.height + 1n, to: height - 1n });
      this.recordNew([{ height: state.lastBlockHeight, header: lastBlockOf(state).header }]);
      this.options.recorded();
    }
    this.height = height - 1n;
  }

  /** Takes the blocks up to a height at once. */
  private follow(last: bigint): void {
    const { backend } = this.options;
    const reports: (readonly Event[])[] = [];
    const blocks: RecordedBlock[] = [];
    for (let height = this.height + 1n; height <= last; height++) {
      const outcome = this.latest?.height === height ? this.latest.outcome : backend.results(height);
      const events = outcome === undefined ? [] : this.eventsOf(height, outcome);
      if (events.length > 0) reports.push(events);
      const block = events.some(({ finalized }) => finalized !== undefined) ? this.blockAt(height) : undefined;
      if (block !== undefined) blocks.push(block);
    }
    this.recordNew(blocks);
    this.height = last;
    for (const events of reports) this.options.happened(events);
    if (blocks.length > 0) this.options.recorded();
  }

  private eventsOf(height: bigint, outcome: BlockOutcome): Event[] {
    const { runtimeId } = this.options.history;
    return runtimeEvents(height, outcome).filter((event) => equalBytes(event.runtimeId, runtimeId));
  }

  private blockAt(height: bigint): RecordedBlock | undefined {
    const { backend, history } = this.options;
    const state = getRuntimeState(backend.stateAt(height), history.runtimeId);
    return state === undefined ? undefined : { height, header: lastBlockOf(state).header };
  }

  private recordNew(blocks: readonly RecordedBlock[]): void {
    const { history } = this.options;
    // After a crash between recording and noting the height, some are there already.
    const known = history.lastRound ?? -1n;
    history.record(blocks.filter(({ header }) => header.round > known));
  }
}

/** Events of all runtimes in a block. */
function runtimeEvents(height: bigint, outcome: BlockOutcome): readonly Event[] {
  const known = eventsByOutcome.get(outcome);
  if (known !== undefined) return known;
  const carriers = [...outcome.beginEvents, ...outcome.results.flatMap((r) => r.events), ...outcome.endEvents];
  const events = carriers
    .map((carrier) => readRuntimeEvent(carrier, height, EMPTY_HASH))
    .filter((event) => event !== undefined);
  eventsByOutcome.set(outcome, events);
  return events;
}
