import { equalBytes } from "#common/bytes.js";
import { Inbox } from "#common/inbox.js";
import type { Clock, Timer } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";
import type { Header } from "#consensus/services/roothash/types.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import { isEmptyRoot } from "#mkvs/node/root.js";
import type { BlockHistory, RecordedBlock } from "#runtime/history/block-history.js";
import type { DiffFetcher } from "./diff-fetcher.js";
import { applyDiff, emptyRootLike, ioRootOf, stateRootOf } from "./round-roots.js";

/** Pause before peers are asked again, in milliseconds; it doubles up to the longest. */
const SHORTEST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5000;

export interface RoundSyncOptions {
  readonly db: NodeDb;
  readonly history: BlockHistory;
  readonly fetcher: DiffFetcher;
  readonly clock: Clock;
  readonly log: Log;
  /** Told of every round whose trees are here and final, in order. */
  readonly synced: (block: RecordedBlock) => void;
}

/**
 * Makes the trees of each recorded round final, one round after the other (node workers: storage worker). A node that
 * executed a round has its trees already; what is missing comes from peers.
 */
export class RoundSync {
  private readonly inbox: Inbox<"wake">;
  private timer: Timer | undefined;
  private pauseMs = SHORTEST_PAUSE_MS;
  private stopped = false;

  constructor(private readonly options: RoundSyncOptions) {
    this.inbox = new Inbox<"wake">({
      capacity: 2,
      handle: () => this.run(),
      failed: (error) => {
        options.log.error("storage sync failed", { error: String(error) });
        this.pause();
      },
    });
  }

  /** Takes up what an earlier run of the program made final. */
  start(): void {
    const { db, history } = this.options;
    const latest = db.latestVersion();
    if (latest !== undefined && history.recordedBlock(latest) !== undefined) history.setSynced(latest);
    this.wake();
  }

  /** A round was recorded. */
  wake(): void {
    this.inbox.offer("wake");
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.timer?.cancel();
    await this.inbox.stop();
  }

  private async run(): Promise<void> {
    const { db, history } = this.options;
    for (;;) {
      const latest = db.latestVersion();
      const block = latest === undefined ? history.earliest() : history.recordedBlock(latest + 1n);
      if (block === undefined || this.stopped) return;
      const previous = latest === undefined ? undefined : history.recordedBlock(latest)?.header;
      const there = this.isThere(block.header) || (await this.acquire(block.header, previous));
      if (this.stopped) return;
      if (!there) {
        this.options.log.debug("round is not available yet", { round: block.header.round });
        this.pause();
        return;
      }
      this.pauseMs = SHORTEST_PAUSE_MS;
      this.finalize(block);
    }
  }

  private pause(): void {
    if (this.stopped) return;
    this.timer?.cancel();
    this.timer = this.options.clock.setTimer(this.pauseMs, () => this.wake());
    this.pauseMs = Math.min(this.pauseMs * 2, LONGEST_PAUSE_MS);
  }

  private isThere(header: Header): boolean {
    const { db } = this.options;
    return db.hasRoot(stateRootOf(header)) && db.hasRoot(ioRootOf(header));
  }

  private async acquire(header: Header, previous: Header | undefined): Promise<boolean> {
    const { db, fetcher } = this.options;
    const io = ioRootOf(header);
    if (!db.hasRoot(io) && !(await fetcher.fetch(emptyRootLike(io), io))) return false;
    const state = stateRootOf(header);
    if (db.hasRoot(state)) return true;
    const base = previous === undefined ? emptyRootLike(state) : stateRootOf(previous);
    if (previous !== undefined && equalBytes(base.hash, state.hash)) {
      applyDiff(db, base, [], state);
      return true;
    }
    return await fetcher.fetch(base, state);
  }

  private finalize(block: RecordedBlock): void {
    const { db, history } = this.options;
    const { header } = block;
    const io = ioRootOf(header);
    db.finalize([stateRootOf(header), ...(isEmptyRoot(io) ? [] : [io])]);
    history.setSynced(header.round);
    this.options.synced(block);
  }
}
