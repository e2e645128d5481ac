import { equalBytes } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import { Inbox } from "#common/inbox.js";
import type { Clock, Timer } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";
import type { Header } from "#consensus/services/roothash/types.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import { isEmptyRoot, type Root, ROOT_STATE } from "#mkvs/node/root.js";
import type { BlockHistory, RecordedBlock } from "#runtime/history/block-history.js";
import type { DiffFetcher, FetchedDiff } from "./diff-fetcher.js";
import { applyDiff, emptyRootLike, ioRootOf, stateRootOf } from "./round-roots.js";
import { RoundWindow, type WantedDiff } from "./round-window.js";

/** Pause before peers are asked again, in milliseconds; it doubles up to the longest. */
const SHORTEST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5000;
/** Pause before checkpoints are looked for again where nothing else helps, in milliseconds. */
const CHECKPOINT_PAUSE_MS = 10_000;
/** From so many missing rounds on, a checkpoint is worth looking for. */
const WORTH_CHECKPOINT = 10n;
/** After so many final rounds at a stretch others get their turn. */
const STRETCH = 16;

/** Restores a round from a checkpoint of peers; `CheckpointSync` does. */
export interface CheckpointSource {
  /**
   * Makes the newest round final that peers have a good checkpoint of.
   *
   * @param after only later rounds
   * @returns the round; "none" when peers have no good one, "nobody" when no peer answers
   */
  restore(after: bigint): Promise<bigint | "none" | "nobody">;
  stop(): void;
}

export interface RoundSyncOptions {
  readonly db: NodeDb;
  readonly history: BlockHistory;
  readonly fetcher: DiffFetcher;
  readonly checkpoints: CheckpointSource;
  /** The first block that the runtime ever had; undefined while it is not there. */
  readonly genesis: () => Header | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Told of every round whose trees are here and final, in order. */
  readonly synced: (block: RecordedBlock) => void;
  /** Told when the node has what it began with, from a checkpoint or not, and goes on round by round. */
  readonly begun: () => void;
}

/** What the worker is doing, in the words of the reference. */
export type SyncStatus = "starting" | "sync start check" | "syncing checkpoints" | "syncing rounds" | "stopping";

/**
 * Makes the trees of each recorded round final, one round after the other (node workers: storage worker). A node that
 * executed a round has its trees already; what is missing comes from peers, as a checkpoint of one round or as the
 * differences of many.
 */
export class RoundSync {
  private readonly inbox: Inbox<"wake">;
  private readonly window: RoundWindow;
  private timer: Timer | undefined;
  private pauseMs = SHORTEST_PAUSE_MS;
  private started = false;
  private stopped = false;
  private hasBegun = false;
  private current: SyncStatus = "starting";
  /** Peers were asked for checkpoints before anything else. */
  private lookedForCheckpoint = false;
  /** Every peer says that it does not have the next round any more. */
  private diffsGone = false;
  /** When checkpoints are looked for again at the earliest, in milliseconds of the clock. */
  private nextLookMs = 0;

  constructor(private readonly options: RoundSyncOptions) {
    const { db, fetcher, history, log } = options;
    this.window = new RoundWindow({ db, fetcher, header: (round) => history.recordedBlock(round)?.header });
    this.inbox = new Inbox<"wake">({
      capacity: 2,
      handle: () => this.run(),
      failed: (error) => {
        log.error("storage sync failed", { error: String(error) });
        this.pause();
      },
    });
  }

  get status(): SyncStatus {
    return this.current;
  }

  /** Takes up what an earlier run of the program made final. */
  start(): void {
    this.started = true;
    this.resume();
    this.wake();
  }

  /** A round was recorded. */
  wake(): void {
    if (this.started) this.inbox.offer("wake");
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.current = "stopping";
    this.timer?.cancel();
    this.options.checkpoints.stop();
    this.window.stop();
    await this.inbox.stop();
  }

  /** Tells the history how far the trees are, as soon as it has the block again. */
  private resume(): void {
    const { db, history } = this.options;
    const latest = db.latestVersion();
    if (latest === undefined || history.lastSyncedRound !== undefined) return;
    if (history.recordedBlock(latest) !== undefined) history.setSynced(latest);
  }

  private async run(): Promise<void> {
    this.resume();
    for (let done = 1; !this.stopped; done++) {
      const next = this.next();
      const last = this.options.history.lastRound;
      if (last === undefined) return;
      if (this.wantsCheckpoint(next, last)) {
        if (await this.jump(next === undefined)) continue;
        if (next === undefined || this.stopped) return;
      }
      if (next === undefined) return;
      this.begin();
      if (!(await this.advance(next, last))) return;
      if (done % STRETCH === 0) await this.breathe();
    }
  }

  private breathe(): Promise<void> {
    return new Promise((resolve) => this.options.clock.setTimer(0, resolve));
  }

  /** The block to make final next; undefined when there is none, or none that anything is known to lead to. */
  private next(): RecordedBlock | undefined {
    const { db, history } = this.options;
    const latest = db.latestVersion();
    if (latest !== undefined) return history.recordedBlock(latest + 1n);
    const first = history.earliest();
    const genesis = this.options.genesis();
    if (first === undefined || genesis === undefined) return undefined;
    if (first.header.round === genesis.round) return first;
    // Rounds that are not known any more changed nothing if the state is still that of the beginning.
    const untouched = equalBytes(first.header.stateRoot, genesis.stateRoot) && isEmptyRoot(ioRootOf(first.header));
    return untouched && isEmptyRoot(stateRootOf(first.header)) ? first : undefined;
  }

  private wantsCheckpoint(next: RecordedBlock | undefined, last: bigint): boolean {
    const { db } = this.options;
    const latest = db.latestVersion();
    if (next === undefined) return latest === undefined || latest < last;
    const missing = last - next.header.round + 1n;
    if (this.diffsGone) return latest === undefined || missing >= WORTH_CHECKPOINT;
    return latest === undefined && !this.lookedForCheckpoint && missing >= WORTH_CHECKPOINT;
  }

  /** @returns whether a checkpoint was restored; otherwise it is tried again later if nothing else would help */
  private async jump(forced: boolean): Promise<boolean> {
    const { db, history, checkpoints, clock, log } = this.options;
    if (clock.nowMs() < this.nextLookMs) return false;
    this.current = "syncing checkpoints";
    this.window.clear();
    const round = await checkpoints.restore(db.latestVersion() ?? -1n);
    if (this.stopped) return false;
    this.lookedForCheckpoint = round !== "nobody";
    this.diffsGone = false;
    this.current = "sync start check";
    if (typeof round === "string") {
      log.debug("no checkpoint to be had", { forced, peers: round });
      if (forced) this.pause(CHECKPOINT_PAUSE_MS);
      this.nextLookMs = clock.nowMs() + (forced ? CHECKPOINT_PAUSE_MS : 0);
      return false;
    }
    log.info("checkpoint restored", { round });
    this.settle(history.recordedBlock(round) as RecordedBlock);
    return true;
  }

  private begin(): void {
    this.current = "syncing rounds";
    if (this.hasBegun) return;
    this.hasBegun = true;
    this.options.begun();
  }

  /** Makes the next round final. Tries again later if a tree cannot be had now. */
  private async advance(block: RecordedBlock, last: bigint): Promise<boolean> {
    const { db, log } = this.options;
    const { header } = block;
    for (const diff of this.window.wanted(header, this.base(header))) {
      if (await this.acquire(diff, last)) continue;
      if (this.stopped) return false;
      log.debug("round is not available yet", { round: header.round });
      this.window.forgetFailures();
      this.pause();
      return false;
    }
    if (this.stopped) return false;
    this.pauseMs = SHORTEST_PAUSE_MS;
    const io = ioRootOf(header);
    db.finalize([stateRootOf(header), ...(isEmptyRoot(io) ? [] : [io])]);
    this.settle(block);
    return true;
  }

  /** The state that the next one is made from. */
  private base(next: Header): Root {
    const { db } = this.options;
    const latest = db.latestVersion();
    const empty = emptyRootLike(stateRootOf(next));
    if (latest === undefined) return empty;
    return db.rootsForVersion(latest).find(({ type }) => type === ROOT_STATE) ?? { ...empty, version: latest };
  }

  private settle(block: RecordedBlock): void {
    this.options.history.setSynced(block.header.round);
    this.options.synced(block);
  }

  /** Gets one tree: from what peers say, each of them until one is right. */
  private async acquire(diff: WantedDiff, last: bigint): Promise<boolean> {
    const { db } = this.options;
    const { base, root } = diff;
    if (equalBytes(base.hash, root.hash)) {
      applyDiff(db, base, [], root);
      return true;
    }
    while (!this.stopped) {
      const found = await this.window.take(diff, last);
      // Meanwhile the tree may have been made here.
      if (db.hasRoot(root)) return true;
      if (typeof found === "string") {
        this.diffsGone = found === "gone";
        return false;
      }
      if (!this.stopped && this.apply(diff, found)) return true;
    }
    return false;
  }

  private apply({ base, root }: WantedDiff, { writeLog, judge }: FetchedDiff): boolean {
    try {
      applyDiff(this.options.db, base, writeLog, root);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.options.log.warn("a diff does not lead to the root", { round: root.version, error: error.message });
      judge(false);
      return false;
    }
    judge(true);
    return true;
  }

  private pause(ms = this.pauseMs): void {
    if (this.stopped) return;
    this.timer?.cancel();
    this.timer = this.options.clock.setTimer(ms, () => this.wake());
    this.pauseMs = Math.min(this.pauseMs * 2, LONGEST_PAUSE_MS);
  }
}
