import { toHex } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import type { Log } from "#common/ports/log.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import type { Root } from "#mkvs/node/root.js";
import type { P2pHost } from "#p2p/host.js";
import { callPeer, protocolId } from "#p2p/protocol.js";
import { DIFF_SYNC, STORAGE_SYNC } from "./diff-protocol.js";
import { applyDiff } from "./round-roots.js";

/** Fetches trees from peers as differences to trees that are here; the resulting root is what proves them right. */
export class DiffFetcher {
  /** The peer that served last comes first. */
  private favourite: string | undefined;

  constructor(
    private readonly p2p: P2pHost,
    private readonly chainContext: string,
    private readonly db: NodeDb,
    private readonly log: Log,
  ) {}

  /**
   * Fetches one tree and keeps it.
   *
   * @param base a tree that is here, or the empty one
   * @returns false when no peer could give it now
   */
  async fetch(base: Root, root: Root): Promise<boolean> {
    for (const protocol of [DIFF_SYNC, STORAGE_SYNC]) {
      const id = protocolId(this.chainContext, protocol, root.namespace);
      const peers = this.p2p.peers(id).sort((a, b) => this.order(a) - this.order(b));
      for (const peer of peers) {
        if (await this.fetchFrom(peer, id, protocol, base, root)) return true;
      }
    }
    return false;
  }

  private order(peer: Uint8Array): number {
    return toHex(peer) === this.favourite ? 0 : 1;
  }

  private async fetchFrom(
    peer: Uint8Array,
    id: string,
    protocol: typeof DIFF_SYNC,
    base: Root,
    root: Root,
  ): Promise<boolean> {
    try {
      const { writeLog } = await callPeer(this.p2p, peer, id, protocol, "GetDiff", { startRoot: base, endRoot: root });
      return this.accept(peer, id, () => applyDiff(this.db, base, writeLog, root));
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.log.debug("peer has no diff", { peer: toHex(peer), version: root.version, error: error.message });
      this.p2p.feedback(peer, id, "failure");
      return false;
    }
  }

  private accept(peer: Uint8Array, id: string, apply: () => void): boolean {
    try {
      apply();
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.log.warn("peer sent a wrong diff", { peer: toHex(peer), error: error.message });
      this.p2p.feedback(peer, id, "bad-peer");
      return false;
    }
    this.p2p.feedback(peer, id, "success");
    this.favourite = toHex(peer);
    return true;
  }
}
