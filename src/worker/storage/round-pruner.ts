import { CodedError } from "#common/errors/index.js";
import type { Clock, Timer } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import type { BlockHistory } from "#runtime/history/block-history.js";

/** How often old rounds are looked for, in milliseconds. */
const PRUNE_INTERVAL_MS = 120_000;
/** After so many pruned rounds at a stretch others get their turn. */
const STRETCH = 16;

/** Which rounds a node keeps. */
export interface RoundRetention {
  /** How many of the latest rounds, at least 1. */
  readonly rounds: bigint;
  /** How often old ones are looked for, in milliseconds; 120,000 when absent. */
  readonly intervalMs?: number;
}

export interface RoundPrunerOptions {
  readonly db: NodeDb;
  readonly history: BlockHistory;
  readonly clock: Clock;
  readonly log: Log;
  readonly retention: RoundRetention;
  /** The first round that somebody needs; it and what follows stays. All may go when undefined. */
  readonly needed: () => bigint | undefined;
}

/** Forgets old rounds, first their blocks and then their trees, so that each tree that is here has a block. */
export class RoundPruner {
  private timer: Timer | undefined;
  private stopped = true;
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly options: RoundPrunerOptions) {}

  start(): void {
    this.stopped = false;
    this.later();
  }

  /** Resolves when nothing is pruned any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.timer?.cancel();
    await this.running;
  }

  private later(): void {
    const { clock, retention } = this.options;
    this.timer = clock.setTimer(retention.intervalMs ?? PRUNE_INTERVAL_MS, () => {
      this.running = this.pass().then(
        () => {
          if (!this.stopped) this.later();
        },
        (error: unknown) => this.options.log.error("pruning failed", { error: String(error) }),
      );
    });
  }

  /** The first round that stays; undefined while nothing may go. */
  private get limit(): bigint | undefined {
    const { history, retention, needed } = this.options;
    const synced = history.lastSyncedRound;
    if (synced === undefined) return undefined;
    const first = synced - retention.rounds + 1n;
    const wanted = needed();
    return wanted !== undefined && wanted < first ? wanted : first;
  }

  private async pass(): Promise<void> {
    const { history } = this.options;
    const limit = this.limit;
    if (limit === undefined || limit <= 0n) return;
    let blocks = 0;
    for (;;) {
      if (this.stopped) return;
      const pruned = history.pruneBefore(limit).length;
      blocks += pruned;
      if (pruned === 0) break;
      await this.breathe();
    }
    const trees = await this.pruneTrees(history.earliest()?.header.round ?? limit);
    if (blocks > 0 || trees > 0) this.options.log.debug("pruned", { blocks, trees, before: limit });
  }

  private async pruneTrees(before: bigint): Promise<number> {
    const { db } = this.options;
    let pruned = 0;
    try {
      while (!this.stopped && db.earliestVersion() < before && db.earliestVersion() < (db.latestVersion() ?? 0n)) {
        db.prune(db.earliestVersion());
        if (++pruned % STRETCH === 0) await this.breathe();
      }
    } catch (error) {
      // A checkpoint is being restored; there is another time.
      if (!(error instanceof CodedError)) throw error;
    }
    return pruned;
  }

  private breathe(): Promise<void> {
    return new Promise((resolve) => this.options.clock.setTimer(0, resolve));
  }
}
