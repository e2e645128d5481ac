import { hash } from "#common/hash.js";
import type { Clock, Timer } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";
import { type CheckpointSchedule, dueVersions, staleVersions } from "#consensus/checkpoints/schedule.js";
import type { Header } from "#consensus/services/roothash/types.js";
import { checkpointChunks } from "#mkvs/checkpoint/create.js";
import { CHECKPOINT_V1, type CheckpointMetadata } from "#mkvs/checkpoint/metadata.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import { isEmptyRoot, type Root } from "#mkvs/node/root.js";
import type { RoundCheckpoints } from "./checkpoint-store.js";
import { ioRootOf, stateRootOf } from "./round-roots.js";

/** Size of chunks where the descriptor leaves it open: that of the main network. */
const DEFAULT_CHUNK_SIZE = 8 << 20;
/** As in the reference with default settings: one chunk after the other. */
const THREADS = 0;

/** What the runtime's descriptor wants. */
export interface CheckpointWishes extends CheckpointSchedule {
  /** Bytes of entries after which a chunk ends; 0 when it is left open. */
  readonly chunkSize: bigint;
}

export interface RoundCheckpointerOptions {
  readonly db: NodeDb;
  readonly checkpoints: RoundCheckpoints;
  readonly clock: Clock;
  readonly log: Log;
  /** Read anew each time, because descriptors change; undefined while the runtime is not there. */
  readonly wishes: () => CheckpointWishes | undefined;
  /** A round that is to have a checkpoint besides, if none of a later one exists. */
  readonly besides?: () => bigint | undefined;
  /** The recorded block of a round. */
  readonly header: (round: bigint) => Header | undefined;
}

/** A checkpoint that is being made. */
interface Work {
  readonly round: bigint;
  readonly chunkSize: number;
  /** Roots still to do, the one in work first. */
  readonly roots: Root[];
  chunks: Iterator<Uint8Array> | undefined;
  /** Lets go of the tree in work. */
  release: () => void;
  hashes: Uint8Array[];
  readonly done: CheckpointMetadata[];
}

/**
 * Makes checkpoints of rounds at the interval of the runtime's descriptor, one chunk at a time between other work, and
 * deletes old ones. One that was interrupted is made anew after a restart, if the round is still kept. The first round
 * has a checkpoint in any case: others could not begin without it if its state is not empty.
 */
export class RoundCheckpointer {
  private work: Work | undefined;
  private timer: Timer | undefined;
  private paused = false;
  private stopped = true;
  /** A round that could not be worked on; it is not tried again. */
  private failed: bigint | undefined;

  constructor(private readonly options: RoundCheckpointerOptions) {}

  /** The round that is being worked on, whose trees must be kept meanwhile. */
  get working(): bigint | undefined {
    return this.work?.round;
  }

  start(): void {
    this.stopped = false;
    this.options.checkpoints.sweep();
    this.wake();
  }

  /** Begins no checkpoints any more, or begins them again; one in work is completed. */
  pause(paused: boolean): void {
    this.paused = paused;
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
    this.work?.release();
    this.work = undefined;
  }

  /** Looks whether there is something to do; to be called after each final round. */
  wake(): void {
    if (this.stopped || this.work !== undefined) return;
    const wishes = this.options.wishes();
    const latest = this.options.db.latestVersion();
    if (wishes === undefined || latest === undefined) return;
    const round = this.due(wishes, latest);
    if (round !== undefined && round !== this.failed) this.begin(round, wishes);
  }

  private due(wishes: CheckpointWishes, latest: bigint): bigint | undefined {
    const { db, checkpoints } = this.options;
    const rounds = checkpoints.rounds();
    const { initialVersion: first } = wishes;
    const earliest = db.earliestVersion();
    if (rounds.length === 0 && first >= earliest && first <= latest) return first;
    const besides = this.options.besides?.();
    const newest = rounds.at(-1) ?? -1n;
    if (besides !== undefined && besides > newest && besides >= earliest && besides <= latest) return besides;
    return this.paused ? undefined : dueVersions(wishes, rounds, earliest, latest)[0];
  }

  private begin(round: bigint, { chunkSize }: CheckpointWishes): void {
    const header = this.options.header(round);
    if (header === undefined) return;
    const roots = [stateRootOf(header), ioRootOf(header)];
    // Leftovers of another attempt at the same round must not mix with this one.
    this.options.checkpoints.remove(round);
    const size = chunkSize === 0n ? DEFAULT_CHUNK_SIZE : Number(chunkSize);
    this.work = { round, chunkSize: size, roots, chunks: undefined, release: () => undefined, hashes: [], done: [] };
    this.options.log.debug("checkpoint begun", { round });
    this.later();
  }

  private later(): void {
    this.timer = this.options.clock.setTimer(0, () => {
      const { work } = this;
      if (this.stopped || work === undefined) return;
      try {
        this.step(work);
      } catch (error) {
        this.giveUp(work, error);
      }
    });
  }

  private giveUp({ round, release }: Work, error: unknown): void {
    release();
    this.options.log.error("checkpoint failed", { round, error: String(error) });
    this.failed = round;
    this.work = undefined;
    this.options.checkpoints.remove(round);
  }

  /** One chunk, or the end of a tree, or of all. */
  private step(work: Work): void {
    const [root] = work.roots;
    if (root === undefined) {
      this.complete(work);
      return;
    }
    work.chunks ??= this.open(work, root);
    const next = work.chunks.next();
    if (next.done !== true) {
      this.options.checkpoints.putPart(root, work.hashes.length, next.value);
      work.hashes.push(hash(next.value));
    } else {
      work.done.push({ version: CHECKPOINT_V1, root, chunks: work.hashes });
      work.roots.shift();
      work.release();
      work.chunks = undefined;
      work.hashes = [];
    }
    this.later();
  }

  private open(work: Work, root: Root): Iterator<Uint8Array> {
    const { db } = this.options;
    work.release = db.hold(root);
    return checkpointChunks(db, root, { chunkSize: work.chunkSize, threads: THREADS })[Symbol.iterator]();
  }

  private complete({ round, done }: Work): void {
    const { checkpoints, log } = this.options;
    checkpoints.complete(done);
    this.work = undefined;
    const chunks = done.reduce((sum, checkpoint) => sum + checkpoint.chunks.length, 0);
    log.info("checkpoint made", { round, chunks, empty: done.every(({ root }) => isEmptyRoot(root)) });
    this.removeStale();
    this.wake();
  }

  private removeStale(): void {
    const { checkpoints } = this.options;
    const wishes = this.options.wishes();
    if (wishes === undefined) return;
    // Whatever is kept besides: the count is that of the latest ones.
    const numKept = wishes.numKept > 0n ? wishes.numKept : 1n;
    for (const round of staleVersions({ ...wishes, numKept }, checkpoints.rounds())) checkpoints.remove(round);
  }
}
