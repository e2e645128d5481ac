import { Interruption } from "#common/interruption.js";
import { equalBytes } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import { hash } from "#common/hash.js";
import type { Clock } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";
import { checkpointErrors } from "#mkvs/checkpoint/errors.js";
import type { CheckpointMetadata } from "#mkvs/checkpoint/metadata.js";
import { CheckpointRestorer } from "#mkvs/checkpoint/restorer.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import { nodeDbErrors } from "#mkvs/errors.js";
import { isEmptyRoot, type Root } from "#mkvs/node/root.js";
import type { P2pHost } from "#p2p/host.js";
import type { BlockHistory } from "#runtime/history/block-history.js";
import { CheckpointOffers, type OfferedCheckpoint } from "./checkpoint-offers.js";
import type { RoundCheckpoints } from "./checkpoint-store.js";
import { ChunkFetcher } from "./chunk-fetcher.js";
import { ioRootOf, stateRootOf } from "./round-roots.js";
import type { CheckpointSource } from "./round-sync.js";

export interface CheckpointSyncOptions {
  readonly p2p: P2pHost;
  /** Hexadecimal hash of the genesis document. */
  readonly chainContext: string;
  readonly db: NodeDb;
  /** Its blocks say which roots are right. */
  readonly history: BlockHistory;
  /** Chunks are kept here as they come: a restart need not fetch them again, and afterwards they are served. */
  readonly checkpoints: RoundCheckpoints;
  readonly clock: Clock;
  readonly log: Log;
}

/** Begins with a checkpoint of peers instead of with the first round (node workers: storage worker). */
export class CheckpointSync implements CheckpointSource {
  private readonly offers: CheckpointOffers;
  private readonly restorer: CheckpointRestorer;
  private readonly stopped = new Interruption<"stopped">();

  constructor(private readonly options: CheckpointSyncOptions) {
    const { p2p, chainContext, history, db, log } = options;
    this.offers = new CheckpointOffers(p2p, chainContext, history.runtimeId, log);
    this.restorer = new CheckpointRestorer(db);
  }

  stop(): void {
    this.stopped.fire("stopped");
  }

  async restore(after: bigint): Promise<bigint | "none" | "nobody"> {
    const offered = await this.stopped.or(this.offers.list());
    if (offered === undefined || offered === "stopped") return "nobody";
    for (const [round, all] of byRound(offered)) {
      if (this.stopped.isFired) break;
      if (round > after && round > 0n && (await this.restoreRound(round, all))) return round;
    }
    return "none";
  }

  /** All of a round or nothing. */
  private async restoreRound(round: bigint, offered: readonly OfferedCheckpoint[]): Promise<boolean> {
    const { db, history, checkpoints, log } = this.options;
    const header = history.recordedBlock(round)?.header;
    if (header === undefined) return false;
    const roots = [stateRootOf(header), ioRootOf(header)];
    const honest = offered.filter((offer) => this.isRight(offer, roots));
    const wanted = roots.filter((root) => !isEmptyRoot(root));
    const candidates = wanted.map((root) => honest.filter(({ checkpoint }) => checkpoint.root.type === root.type));
    if (candidates.some((some) => some.length === 0)) return false;
    log.info("restoring a checkpoint", { round, peers: honest[0]?.offerers.length ?? 0 });
    db.startMultipart(round);
    try {
      const restored = await this.restoreAll(candidates);
      if (restored === undefined) return false;
      const [state, io] = roots as [Root, Root];
      db.finalize(isEmptyRoot(io) ? [state] : [state, io]);
      if (restored.length === roots.length) checkpoints.complete(restored);
      return true;
    } finally {
      // Without effect once the round is final.
      db.abortMultipart();
    }
  }

  private async restoreAll(
    candidates: readonly (readonly OfferedCheckpoint[])[],
  ): Promise<CheckpointMetadata[] | undefined> {
    const restored: CheckpointMetadata[] = [];
    for (const some of candidates) {
      const found = await this.restoreOne(some);
      if (found === undefined) return undefined;
      restored.push(found);
    }
    return restored;
  }

  private isRight(offer: OfferedCheckpoint, roots: readonly Root[]): boolean {
    const { root } = offer.checkpoint;
    const right = roots.some(
      (own) => own.type === root.type && equalBytes(own.hash, root.hash) && equalBytes(own.namespace, root.namespace),
    );
    if (!right) this.offers.punish(offer.offerers, "the block of the round has another root");
    return right;
  }

  /** Tries one description after the other; they differ in how the tree is cut, or somebody lies. */
  private async restoreOne(candidates: readonly OfferedCheckpoint[]): Promise<CheckpointMetadata | undefined> {
    for (const offered of candidates) {
      if (this.stopped.isFired) return undefined;
      if (this.restorer.current !== undefined) this.restorer.abort();
      this.restorer.start(offered.checkpoint);
      if (await this.restoreFrom(offered)) return offered.checkpoint;
    }
    return undefined;
  }

  private async restoreFrom(offered: OfferedCheckpoint): Promise<boolean> {
    const { p2p, db, log } = this.options;
    const { checkpoint } = offered;
    if (!(await this.restoreKept(offered))) return false;
    const take = (index: number, chunk: Uint8Array): boolean => {
      this.options.checkpoints.putPart(checkpoint.root, index, chunk);
      return this.restoreChunk(offered, index, chunk);
    };
    const fetcher = new ChunkFetcher(p2p, offered, this.restorer.pending, take, log);
    const end = await fetcher.run(this.stopped);
    if (end !== "done") {
      log.info("checkpoint could not be restored", { round: checkpoint.root.version, end });
      return false;
    }
    try {
      db.checkParts(checkpoint.root);
      return true;
    } catch (error) {
      if (!nodeDbErrors.nodeNotFound.is(error)) throw error;
      this.offers.punish(offered.offerers, "the chunks are not the whole tree");
      return false;
    }
  }

  /** Chunks that are here from an earlier attempt. */
  private async restoreKept(offered: OfferedCheckpoint): Promise<boolean> {
    const { checkpoints } = this.options;
    const { root, chunks } = offered.checkpoint;
    for (const [index, digest] of chunks.entries()) {
      const kept = checkpoints.part(root, index);
      if (kept === undefined || !equalBytes(hash(kept), digest)) continue;
      if (!this.restoreChunk(offered, index, kept)) return false;
      await this.breathe();
    }
    return true;
  }

  private breathe(): Promise<void> {
    return new Promise((resolve) => this.options.clock.setTimer(0, resolve));
  }

  /** @returns false when the checkpoint is wrong */
  private restoreChunk(offered: OfferedCheckpoint, index: number, chunk: Uint8Array): boolean {
    try {
      this.restorer.restoreChunk(index, chunk);
      return true;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      if (checkpointErrors.chunkAlreadyRestored.is(error)) return true;
      this.offers.punish(offered.offerers, error.message);
      return false;
    }
  }
}

function byRound(offered: readonly OfferedCheckpoint[]): Map<bigint, OfferedCheckpoint[]> {
  const rounds = new Map<bigint, OfferedCheckpoint[]>();
  for (const offer of offered) {
    const { version } = offer.checkpoint.root;
    const others = rounds.get(version);
    if (others === undefined) rounds.set(version, [offer]);
    else others.push(offer);
  }
  return rounds;
}
