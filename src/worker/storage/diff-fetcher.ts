import { toHex } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import type { Log } from "#common/ports/log.js";
import { nodeDbErrors } from "#mkvs/errors.js";
import type { Root } from "#mkvs/node/root.js";
import type { WriteLog } from "#mkvs/write-log.js";
import type { P2pHost } from "#p2p/host.js";
import { callPeer, protocolId } from "#p2p/protocol.js";
import { PeerOrder } from "./peer-order.js";
import { DIFF_SYNC, STORAGE_SYNC } from "./protocols.js";

/** What a peer says turns one tree into another. Nothing is known of it until it has been applied. */
export interface FetchedDiff {
  readonly writeLog: WriteLog;
  /** To be told whether the resulting tree had the expected root. */
  readonly judge: (right: boolean) => void;
}

/** Why there is no diff: "gone" when every peer that was asked says that it does not have it, else "unreachable". */
export type NoDiff = "gone" | "unreachable";

/** Fetches what turns trees into others from peers. */
export class DiffFetcher {
  private readonly order = new PeerOrder();

  constructor(
    private readonly p2p: P2pHost,
    private readonly chainContext: string,
    private readonly log: Log,
  ) {}

  /**
   * Asks one peer after the other.
   *
   * @param base a tree that is here, or the empty one
   */
  async fetch(base: Root, root: Root): Promise<FetchedDiff | NoDiff> {
    let asked = 0;
    let without = 0;
    for (const protocol of [DIFF_SYNC, STORAGE_SYNC]) {
      const id = protocolId(this.chainContext, protocol, root.namespace);
      for (const peer of this.order.best(this.p2p.peers(id))) {
        const found = await this.ask(peer, id, protocol, base, root);
        if (typeof found === "object") return found;
        asked++;
        if (found === "gone") without++;
      }
    }
    return asked > 0 && without === asked ? "gone" : "unreachable";
  }

  private async ask(
    peer: Uint8Array,
    id: string,
    protocol: typeof DIFF_SYNC,
    base: Root,
    root: Root,
  ): Promise<FetchedDiff | NoDiff> {
    try {
      const request = { startRoot: base, endRoot: root };
      const { writeLog } = await this.order.count(peer, () =>
        callPeer(this.p2p, peer, id, protocol, "GetDiff", request),
      );
      return { writeLog, judge: (right) => this.judge(peer, id, right) };
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.log.debug("peer has no diff", { peer: toHex(peer), version: root.version, error: error.message });
      this.p2p.feedback(peer, id, "failure");
      return isGone(error) ? "gone" : "unreachable";
    }
  }

  private judge(peer: Uint8Array, id: string, right: boolean): void {
    if (!right) this.log.warn("peer sent a wrong diff", { peer: toHex(peer) });
    this.p2p.feedback(peer, id, right ? "success" : "bad-peer");
  }
}

/** Whether a node answers that it does not have a tree, or not any more. */
export function isGone(error: CodedError): boolean {
  const { rootNotFound, writeLogNotFound, versionNotFound, nodeNotFound } = nodeDbErrors;
  return [rootNotFound, writeLogNotFound, versionNotFound, nodeNotFound].some((kind) => kind.is(error));
}
