import { hash } from "#common/hash.js";
import type { Clock, Timer } from "#common/ports/clock.js";
import type { Disk } from "#common/ports/disk.js";
import type { Log } from "#common/ports/log.js";
import { checkpointChunks } from "#mkvs/checkpoint/create.js";
import { CHECKPOINT_V1 } from "#mkvs/checkpoint/metadata.js";
import type { Root } from "#mkvs/node/root.js";
import type { Application } from "../app/app.js";
import { STATE_ROOT } from "../app/state-root.js";
import { type CheckpointSchedule, dueVersions, staleVersions } from "./schedule.js";
import { CheckpointStore } from "./store.js";

export interface CheckpointerOptions {
  readonly app: Application;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  /** Called after each checkpoint: the state that it was made from is no longer needed. */
  readonly finished: () => void;
  /** Called when the disk fails; nothing more is done then. */
  readonly failed: (error: unknown) => void;
}

/** A checkpoint that is being made. */
interface Work {
  readonly root: Root;
  readonly chunks: Iterator<Uint8Array>;
  readonly hashes: Uint8Array[];
}

/** Size of chunks where the parameters leave it open: that of the main network. */
const DEFAULT_CHUNK_SIZE = 8 << 20;
/** As in the reference with default settings: one chunk after the other. */
const THREADS = 0;

/**
 * Makes checkpoints of the state at the interval of the chain's parameters, one chunk at a time between blocks, and
 * deletes old ones. One that was interrupted is made anew after a restart, if the state is still there.
 */
export class Checkpointer {
  readonly store: CheckpointStore;
  private work: Work | undefined;
  private timer: Timer | undefined;
  private stopped = false;

  constructor(private readonly options: CheckpointerOptions) {
    this.store = new CheckpointStore(options.disk);
    this.store.sweep();
  }

  /** The version that is being worked on, whose state must be kept meanwhile. */
  get working(): bigint | undefined {
    return this.work?.root.version;
  }

  private get schedule(): CheckpointSchedule {
    const { consensusParameters, initialHeight } = this.options.app;
    const { stateCheckpointInterval: interval, stateCheckpointNumKept: numKept } = consensusParameters;
    return { interval, numKept, initialVersion: initialHeight };
  }

  /** Looks whether there is something to do; to be called at the start and after each block. */
  wake(): void {
    const { app } = this.options;
    const { schedule } = this;
    if (this.stopped || this.work !== undefined || app.height === 0n || schedule.interval === 0n) return;
    const [version] = dueVersions(schedule, this.store.versions(), app.stateDb.earliestVersion(), app.height);
    if (version !== undefined) this.begin(version);
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
  }

  private begin(version: bigint): void {
    const { app, log } = this.options;
    const root = app.stateDb.rootsForVersion(version).find(({ type }) => type === STATE_ROOT);
    if (root === undefined) return;
    const { stateCheckpointChunkSize } = app.consensusParameters;
    const chunkSize = stateCheckpointChunkSize === 0n ? DEFAULT_CHUNK_SIZE : Number(stateCheckpointChunkSize);
    const chunks = checkpointChunks(app.stateDb, root, { chunkSize, threads: THREADS })[Symbol.iterator]();
    this.work = { root, chunks, hashes: [] };
    log.debug("checkpoint begun", { version });
    this.later();
  }

  private later(): void {
    this.timer = this.options.clock.setTimer(0, () => {
      if (this.stopped || this.work === undefined) return;
      try {
        this.step(this.work);
      } catch (error) {
        this.stopped = true;
        this.options.failed(error);
      }
    });
  }

  /** One chunk, or the end. */
  private step({ root, chunks, hashes }: Work): void {
    const next = chunks.next();
    if (next.done !== true) {
      this.store.putChunk(root.version, hashes.length, next.value);
      hashes.push(hash(next.value));
      this.later();
      return;
    }
    this.options.disk.batch(() => {
      // The count is of those that are kept besides the new one.
      const stale = staleVersions(this.schedule, this.store.versions());
      this.store.complete({ version: CHECKPOINT_V1, root, chunks: hashes });
      for (const version of stale) this.store.remove(version);
    });
    this.work = undefined;
    this.options.log.info("checkpoint made", { version: root.version, chunks: hashes.length });
    this.wake();
    this.options.finished();
  }
}
