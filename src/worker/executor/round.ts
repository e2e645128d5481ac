import { equalBytes } from "#common/bytes.js";
import type { Clock, Timer } from "#common/ports/clock.js";
import { headerHash, NO_RANK, type Pool } from "#consensus/services/roothash/types.js";
import type { Dispatch } from "../dispatch.js";
import type { CommitteeView } from "./committee-view.js";
import { toMs } from "./execution.js";
import { Gathering } from "./gathering.js";

/** What happens when time passes in a round. */
export interface RoundTimers {
  /** Proposals of schedulers of the next rank are acceptable now. */
  readonly nextRank: () => void;
  /** The node proposes now even without transactions. */
  readonly flush: () => void;
}

/** One round as a member of the committee sees it (node workers: executor). */
export class Round {
  /** The round that is being built. */
  readonly number: bigint;
  readonly previousHash: Uint8Array;
  /** The node's own rank as a scheduler. */
  readonly rank: bigint;
  /** Ranks that the node has committed to, and must not again. */
  readonly submitted = new Set<bigint>();
  /** Proposals of worse ranks have to wait for their time. */
  schedulerRank = 0n;
  /** The best rank whose scheduler has committed on chain. */
  poolRank: bigint = NO_RANK;
  flush = false;
  readonly gathering: Gathering;
  /** Rank of the proposal that is disputed, as the chain says. */
  discrepancy: bigint | undefined;
  /** Rank of the proposal that will be disputed, as far as can be seen from commitments that are not on chain yet. */
  predicted: bigint | undefined;
  /** After a failure of the runtime nothing is tried for a while. */
  paused = false;
  private timers: Timer[] = [];

  /** @param expected transactions in the batch of the round before */
  constructor(
    readonly dispatch: Dispatch,
    readonly committee: CommitteeView,
    private readonly clock: Clock,
    expected: number,
  ) {
    this.gathering = new Gathering(expected, (ms, callback) => this.after(ms, callback));
    this.number = dispatch.header.round + 1n;
    this.previousHash = headerHash(dispatch.header);
    this.rank = committee.ownRank(this.number);
  }

  /** Takes over what is on chain already, as after a restart. */
  adopt(pool: Pool, self: Uint8Array): void {
    this.poolRank = pool.highestRank;
    if (pool.discrepancy) this.discrepancy = pool.highestRank;
    for (const [rank, entry] of pool.schedulerCommitments) {
      for (const voter of entry?.votes.keys() ?? []) if (equalBytes(voter, self)) this.submitted.add(rank);
    }
  }

  /** Rank of the proposal that is disputed; what the chain says counts more than what this node has seen coming. */
  get disputed(): bigint | undefined {
    return this.discrepancy ?? this.predicted;
  }

  /** The scheduler of a rank has committed. @param rank undefined for nodes that are no workers */
  lowerPoolRank(rank: bigint | undefined): void {
    if (rank !== undefined && rank < this.poolRank) this.poolRank = rank;
  }

  /** The worst rank that may be committed to now. */
  get limit(): bigint {
    return smallest(this.schedulerRank, this.poolRank, this.rank);
  }

  start({ nextRank, flush }: RoundTimers): void {
    const { batchFlushTimeout, proposerTimeout } = this.dispatch.descriptor.txnScheduler;
    const stepMs = toMs(proposerTimeout);
    const workers = BigInt(this.dispatch.state.committee?.members?.length ?? 0);
    const tick = (): void => {
      this.schedulerRank++;
      if (this.schedulerRank < workers) this.after(stepMs, tick);
      nextRank();
    };
    this.after(stepMs, tick);
    if (this.rank === NO_RANK) return;
    this.after(flushDelayMs(toMs(batchFlushTimeout), stepMs, Number(this.rank)), () => {
      this.flush = true;
      flush();
    });
  }

  /** Calls back unless the round ends before. */
  after(ms: number, callback: () => void): void {
    this.timers.push(this.clock.setTimer(ms, callback));
  }

  end(): void {
    for (const timer of this.timers) timer.cancel();
    this.timers = [];
  }
}

/**
 * When a scheduler proposes without transactions, after the beginning of the round, in milliseconds. As in the reference
 * it is when both the flush timeout and its rank allow it. But where the timeouts are near each other, the next rank would
 * propose before it can have heard from the better one; there it leaves that one the time of a proposer.
 */
export function flushDelayMs(flushMs: number, proposerMs: number, rank: number): number {
  const rankMs = rank * proposerMs;
  return flushMs * 2 <= proposerMs ? Math.max(flushMs, rankMs) : flushMs + rankMs;
}

function smallest(...ranks: bigint[]): bigint {
  return ranks.reduce((best, rank) => (rank < best ? rank : best));
}
