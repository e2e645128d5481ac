import { equalBytes, toHex } from "#common/bytes.js";
import { CodedError, Fault } from "#common/errors/index.js";
import { hash } from "#common/hash.js";
import type { Interruption } from "#common/interruption.js";
import type { Log } from "#common/ports/log.js";
import { checkpointErrors } from "#mkvs/checkpoint/errors.js";
import { chunkMetadata } from "#mkvs/checkpoint/metadata.js";
import type { P2pHost } from "#p2p/host.js";
import { callPeer } from "#p2p/protocol.js";
import type { OfferedCheckpoint, Offerer } from "./checkpoint-offers.js";
import type { CHECKPOINT_SYNC } from "./protocols.js";

/** Chunks that are fetched at a time. */
const FETCHERS = 4;
/** A peer that fails so many times in a row is not asked for chunks of this checkpoint any more. */
const MAX_FAILURES = 2;

interface Source {
  readonly offerer: Offerer;
  busy: number;
  failures: number;
}

/** Takes a chunk that has its digest. Returns false when the checkpoint as a whole turned out to be wrong. */
export type TakeChunk = (index: number, chunk: Uint8Array) => boolean;

/** How fetching ended: all chunks are here, the checkpoint is wrong, nobody has the rest, or it was stopped. */
export type FetchEnd = "done" | "wrong" | "nobody" | "stopped";

/** Fetches the chunks of one checkpoint from all peers that offer it, several at a time, in any order. */
export class ChunkFetcher {
  private readonly queue: number[];
  private sources: Source[];
  private readonly running = new Set<Promise<void>>();
  private wrong = false;
  private failure: Error | undefined;

  /** @param pending chunks to fetch */
  constructor(
    private readonly p2p: P2pHost,
    private readonly offered: OfferedCheckpoint,
    pending: readonly number[],
    private readonly take: TakeChunk,
    private readonly log: Log,
  ) {
    this.queue = [...pending];
    this.sources = offered.offerers.map((offerer) => ({ offerer, busy: 0, failures: 0 }));
  }

  /** @param stopped fired when nothing is wanted any more */
  async run(stopped: Interruption<"stopped">): Promise<FetchEnd> {
    for (;;) {
      while (this.queue.length > 0 && this.running.size < FETCHERS && this.sources.length > 0) this.begin();
      if (this.running.size === 0) return this.queue.length === 0 ? "done" : "nobody";
      const ended = await stopped.or(Promise.race(this.running));
      if (ended === "stopped") {
        this.end();
        return "stopped";
      }
      if (this.failure !== undefined) throw this.failure;
      if (this.wrong) {
        this.end();
        return "wrong";
      }
    }
  }

  /** What is still on its way is dropped. */
  private end(): void {
    this.queue.length = 0;
    this.wrong = true;
  }

  private begin(): void {
    const index = this.queue.shift() as number;
    const source = this.sources.reduce((best, other) => (other.busy < best.busy ? other : best));
    const task = this.fetch(index, source).catch((error: unknown) => {
      this.failure = error instanceof Error ? error : new Fault(String(error));
    });
    this.running.add(task);
    void task.then(() => this.running.delete(task));
  }

  private async fetch(index: number, source: Source): Promise<void> {
    const { peer, id, protocol } = source.offerer;
    const request = chunkMetadata(this.offered.checkpoint, index);
    source.busy++;
    try {
      // Both protocols have the method.
      const present = protocol as typeof CHECKPOINT_SYNC;
      const { chunk } = await callPeer(this.p2p, peer, id, present, "GetCheckpointChunk", request);
      source.failures = 0;
      if (!this.wrong) this.taken(index, chunk, request.digest, source);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.failed(index, source, error);
    } finally {
      source.busy--;
    }
  }

  private taken(index: number, chunk: Uint8Array, digest: Uint8Array, source: Source): void {
    const { peer, id } = source.offerer;
    if (!equalBytes(hash(chunk), digest)) {
      this.log.warn("peer sent a wrong chunk", { peer: toHex(peer), index });
      this.p2p.feedback(peer, id, "bad-peer");
      this.drop(source);
      this.queue.unshift(index);
      return;
    }
    this.p2p.feedback(peer, id, "success");
    if (!this.take(index, chunk)) this.wrong = true;
  }

  private failed(index: number, source: Source, error: CodedError): void {
    const { peer, id } = source.offerer;
    this.log.debug("peer gave no chunk", { peer: toHex(peer), index, error: error.message });
    this.p2p.feedback(peer, id, "failure");
    source.failures++;
    const gone = checkpointErrors.notFound.is(error) || checkpointErrors.chunkNotFound.is(error);
    if (gone || source.failures >= MAX_FAILURES) this.drop(source);
    this.queue.unshift(index);
  }

  private drop(source: Source): void {
    this.sources = this.sources.filter((other) => other !== source);
  }
}
