import { toHex } from "#common/bytes.js";

interface Standing {
  /** Failures since the last success. */
  failures: number;
  /** Requests under way. */
  busy: number;
}

/** Spreads requests over peers: those that failed last come last, then those that are busy. */
export class PeerOrder {
  private readonly standings = new Map<string, Standing>();

  /** @param peers the most promising first */
  best(peers: readonly Uint8Array[]): Uint8Array[] {
    const standings = new Map(peers.map((peer) => [peer, this.of(peer)]));
    // Failures that are long past are forgotten with the peer.
    for (const id of this.standings.keys()) {
      if (!peers.some((peer) => toHex(peer) === id) && this.standings.get(id)?.busy === 0) this.standings.delete(id);
    }
    const rank = (peer: Uint8Array): Standing => standings.get(peer) as Standing;
    return [...peers].sort((a, b) => rank(a).failures - rank(b).failures || rank(a).busy - rank(b).busy);
  }

  private of(peer: Uint8Array): Standing {
    const id = toHex(peer);
    const known = this.standings.get(id);
    if (known !== undefined) return known;
    const fresh: Standing = { failures: 0, busy: 0 };
    this.standings.set(id, fresh);
    return fresh;
  }

  /** Counts a request to a peer while it is under way, and how it ended. */
  async count<T>(peer: Uint8Array, request: () => Promise<T>): Promise<T> {
    const standing = this.of(peer);
    standing.busy++;
    try {
      const answer = await request();
      standing.failures = 0;
      return answer;
    } catch (error) {
      standing.failures++;
      throw error;
    } finally {
      standing.busy--;
    }
  }
}
