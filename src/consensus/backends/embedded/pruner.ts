import type { Clock, Timer } from "#common/ports/clock.js";
import type { Disk } from "#common/ports/disk.js";
import type { Application } from "../../app/app.js";
import type { BlockStore } from "./block-store.js";

export interface PrunerOptions {
  readonly app: Application;
  readonly store: BlockStore;
  readonly disk: Disk;
  readonly clock: Clock;
  /** Heights kept before the latest; all when undefined. At least 1. */
  readonly keep: number | undefined;
  /** Called when the disk fails; nothing more is pruned then. */
  readonly failed: (error: unknown) => void;
}

/** Most heights that one step prunes; the next one waits until others have had their turn. */
const MAX_STEP = 16n;

/**
 * Forgets old heights, the state and the block of each in one batch with a few others: a process that is killed leaves
 * both or neither. It runs after blocks, not within their making, and waits for several heights to be due, so that
 * a flushed disk has less to flush.
 */
export class Pruner {
  private readonly needs = new Set<() => bigint | undefined>();
  private readonly stride: bigint;
  private timer: Timer | undefined;
  private stopped = false;

  constructor(private readonly options: PrunerOptions) {
    const eighth = BigInt(options.keep ?? 0) >> 3n;
    this.stride = eighth < 1n ? 1n : eighth < MAX_STEP ? eighth : MAX_STEP;
  }

  /**
   * Keeps heights from being forgotten, whatever their age.
   * @param needed the first height that is still needed; undefined for none
   * @returns the way to stop that
   */
  hold(needed: () => bigint | undefined): () => void {
    this.needs.add(needed);
    return () => this.needs.delete(needed);
  }

  /** Looks whether enough heights are due; to be called after each block. */
  wake(): void {
    if (this.stopped || this.timer !== undefined || this.due() < this.stride) return;
    this.timer = this.options.clock.setTimer(0, () => this.run());
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
  }

  private run(): void {
    this.timer = undefined;
    if (this.stopped) return;
    try {
      this.step();
    } catch (error) {
      this.stopped = true;
      this.options.failed(error);
      return;
    }
    this.wake();
  }

  private get earliest(): bigint {
    const { app, store } = this.options;
    const [state, block] = [app.stateDb.earliestVersion(), store.earliestHeight];
    // A state that was restored from a checkpoint is older than the first block.
    return block !== 0n && block < state ? block : state;
  }

  /** Heights that may go, from the earliest on. */
  private due(): bigint {
    const { app, keep } = this.options;
    if (keep === undefined || app.height === 0n) return 0n;
    let first = app.height - BigInt(keep);
    for (const need of this.needs) {
      const needed = need();
      if (needed !== undefined && needed < first) first = needed;
    }
    return first - this.earliest;
  }

  private step(): void {
    const { app, store, disk } = this.options;
    const due = this.due();
    const count = due < MAX_STEP ? due : MAX_STEP;
    disk.batch(() => {
      for (let i = 0n; i < count; i++) {
        const height = this.earliest;
        if (app.stateDb.earliestVersion() === height) app.stateDb.prune(height);
        store.remove(height);
      }
    });
  }
}
