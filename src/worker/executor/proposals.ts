import type { Proposal } from "#consensus/services/roothash/types.js";

/** Most proposals that are kept. */
const MAX_PROPOSALS = 32;

/** A proposal and the rank of who made it. */
export interface RankedProposal {
  readonly proposal: Proposal;
  readonly rank: bigint;
}

/** Valid proposals for the running round and later ones; one for each rank, the last one that came. */
export class ProposalQueue {
  /** By round, then rank. */
  private items: RankedProposal[] = [];
  private round = 0n;

  /**
   * Adds a proposal. When there are too many, the ones furthest in the future leave.
   *
   * @returns false when it was not kept
   */
  add(entry: RankedProposal): boolean {
    const { round } = entry.proposal.header;
    if (round < this.round) return false;
    const others = this.items.filter((item) => item.proposal.header.round !== round || item.rank !== entry.rank);
    this.items = [...others, entry].sort(compare).slice(0, MAX_PROPOSALS);
    return this.items.includes(entry);
  }

  /** The proposal of best rank within the bounds, both included. */
  best(round: bigint, minRank: bigint, maxRank: bigint, exclude: ReadonlySet<bigint>): RankedProposal | undefined {
    return this.items.find(
      ({ proposal, rank }) =>
        proposal.header.round === round && rank >= minRank && rank <= maxRank && !exclude.has(rank),
    );
  }

  /** Forgets proposals of rounds before the given one. */
  prune(round: bigint): void {
    this.round = round;
    this.items = this.items.filter((item) => item.proposal.header.round >= round);
  }
}

function compare(a: RankedProposal, b: RankedProposal): number {
  const [left, right] = [a.proposal.header.round, b.proposal.header.round];
  if (left !== right) return left < right ? -1 : 1;
  return a.rank === b.rank ? 0 : a.rank < b.rank ? -1 : 1;
}
