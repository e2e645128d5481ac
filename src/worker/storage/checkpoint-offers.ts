import { compareBytes, toHex } from "#common/bytes.js";
import { CodedError, InvalidInput } from "#common/errors/index.js";
import type { Log } from "#common/ports/log.js";
import { CHECKPOINT_V1, checkCheckpoint, checkpointId, type CheckpointMetadata } from "#mkvs/checkpoint/metadata.js";
import type { P2pHost } from "#p2p/host.js";
import { callPeer, protocolId } from "#p2p/protocol.js";
import { CHECKPOINT_SYNC, STORAGE_SYNC } from "./protocols.js";

/** Most peers that are asked for their checkpoints. */
const MAX_PEERS = 10;

/** A peer and the protocol by which it offered something. */
export interface Offerer {
  readonly peer: Uint8Array;
  readonly id: string;
  readonly protocol: typeof CHECKPOINT_SYNC | typeof STORAGE_SYNC;
}

/** A checkpoint and who offers it. Nothing of it is known to be true. */
export interface OfferedCheckpoint {
  readonly checkpoint: CheckpointMetadata;
  readonly offerers: Offerer[];
}

interface PeerList {
  readonly offerer: Offerer;
  readonly checkpoints: readonly CheckpointMetadata[];
}

/** Asks peers for checkpoints. */
export class CheckpointOffers {
  constructor(
    private readonly p2p: P2pHost,
    private readonly chainContext: string,
    private readonly runtimeId: Uint8Array,
    private readonly log: Log,
  ) {}

  /**
   * What peers offer: the latest round first, then what most of them offer. By the older protocol only if nothing is
   * offered by the present one.
   *
   * @returns undefined when no peer answers
   */
  async list(): Promise<OfferedCheckpoint[] | undefined> {
    let answered = false;
    for (const protocol of [CHECKPOINT_SYNC, STORAGE_SYNC] as const) {
      const id = protocolId(this.chainContext, protocol, this.runtimeId);
      const peers = this.p2p.peers(id).slice(0, MAX_PEERS);
      const lists = await Promise.all(peers.map((peer) => this.ask({ peer, id, protocol })));
      const good = lists.filter((list) => list !== undefined);
      const offered = merge(good);
      if (offered.length > 0) return offered;
      answered ||= good.length > 0;
    }
    return answered ? [] : undefined;
  }

  private async ask(offerer: Offerer): Promise<PeerList | undefined> {
    const { peer, id } = offerer;
    try {
      const request = { version: CHECKPOINT_V1 };
      // Both protocols have the method.
      const protocol = offerer.protocol as typeof CHECKPOINT_SYNC;
      const { checkpoints } = await callPeer(this.p2p, peer, id, protocol, "GetCheckpoints", request);
      for (const checkpoint of checkpoints) checkOffer(checkpoint);
      if (checkpoints.length > 0) this.p2p.feedback(peer, id, "success");
      return { offerer, checkpoints };
    } catch (error) {
      if (error instanceof InvalidInput) this.punish([offerer], error.message);
      else if (error instanceof CodedError) this.p2p.feedback(peer, id, "failure");
      else throw error;
      return undefined;
    }
  }

  /** Peers said what is not true. */
  punish(offerers: readonly Offerer[], reason: string): void {
    for (const { peer, id } of offerers) {
      this.log.warn("peer offered a wrong checkpoint", { peer: toHex(peer), reason });
      this.p2p.feedback(peer, id, "bad-peer");
    }
  }
}

/** @throws InvalidInput when no checkpoint can look like this: each chunk has other keys than the rest */
function checkOffer(checkpoint: CheckpointMetadata): void {
  checkCheckpoint(checkpoint);
  if (new Set(checkpoint.chunks.map(toHex)).size < checkpoint.chunks.length) {
    throw new InvalidInput("checkpoint.chunks", "a chunk stands there twice");
  }
}

function merge(lists: readonly PeerList[]): OfferedCheckpoint[] {
  const offered = new Map<string, OfferedCheckpoint>();
  for (const { offerer, checkpoints } of lists) {
    // A peer that says the same thing twice counts once.
    const own = new Map(checkpoints.map((checkpoint) => [toHex(checkpointId(checkpoint)), checkpoint]));
    for (const [id, checkpoint] of own) {
      const known = offered.get(id);
      if (known === undefined) offered.set(id, { checkpoint, offerers: [offerer] });
      else known.offerers.push(offerer);
    }
  }
  return [...offered.values()].sort(compareOffers);
}

function compareOffers(a: OfferedCheckpoint, b: OfferedCheckpoint): number {
  const [x, y] = [a.checkpoint.root, b.checkpoint.root];
  if (x.version !== y.version) return x.version > y.version ? -1 : 1;
  return b.offerers.length - a.offerers.length || compareBytes(y.hash, x.hash);
}
