/** Commitments of a round: who may commit, and when the round is decided (root hash: pool processing). */
import { assert } from "#common/assert.js";
import { equalBytes } from "#common/bytes.js";
import { SortedMap } from "#common/sorted-map.js";
import {
  type Committee,
  COMMITTEE_BACKUP_WORKER,
  COMMITTEE_WORKER,
  isMember,
  schedulerRank,
} from "../../scheduler/types.js";
import { commitmentErrors } from "../errors.js";
import { commitmentVote, type ExecutorCommitment, NO_RANK, Pool, type SchedulerCommitment } from "../types.js";

/** A pool without commitments. */
export function newPool(): Pool {
  return { ...Pool.zero(), highestRank: NO_RANK };
}

function dropRanks(pool: Pool, drop: (rank: bigint) => boolean): void {
  for (const rank of pool.schedulerCommitments.keys()) if (drop(rank)) pool.schedulerCommitments.delete(rank);
}

function isScheduler({ nodeId, header }: ExecutorCommitment): boolean {
  return equalBytes(nodeId, header.schedulerId);
}

/** Rank of a commitment's scheduler, if the node may commit to that scheduler's proposal now. */
function admittedRank(pool: Pool, committee: Committee, { nodeId, header }: ExecutorCommitment): bigint {
  // Before a discrepancy the votes of backup workers are taken too, because commitments come in any order. After it
  // nobody else's are, so that workers cannot improve their record.
  if (!pool.discrepancy && !isMember(committee, nodeId)) throw commitmentErrors.notInCommittee();
  if (pool.discrepancy && !isMember(committee, nodeId, COMMITTEE_BACKUP_WORKER)) {
    throw commitmentErrors.badExecutorCommitment("not a backup worker");
  }
  const rank = schedulerRank(committee, header.header.round, header.schedulerId);
  if (rank === undefined) throw commitmentErrors.badExecutorCommitment("scheduler is not a worker");
  if (rank > pool.highestRank || (pool.discrepancy && rank !== pool.highestRank)) {
    throw commitmentErrors.badExecutorCommitment(`rank ${rank}, highest rank ${pool.highestRank}`);
  }
  return rank;
}

/**
 * Adds a verified commitment as a vote. A scheduler of a better rank takes the round over.
 * @throws CodedError roothash/commitment: 5 for a stranger, 11 when it does not count, 6 when the node already voted;
 * the pool may have changed by then and must not be used any more
 */
export function addCommitment(pool: Pool, committee: Committee, commitment: ExecutorCommitment): void {
  const rank = admittedRank(pool, committee, commitment);
  if (rank < pool.highestRank && isScheduler(commitment)) {
    pool.highestRank = rank;
    dropRanks(pool, (other) => other > rank);
  }
  // A vote for a better rank is kept even before its scheduler commits.
  let entry = pool.schedulerCommitments.get(rank) ?? undefined;
  if (entry === undefined) {
    entry = { votes: SortedMap.bytes() };
    pool.schedulerCommitments.set(rank, entry);
  }
  if (entry.votes.has(commitment.nodeId)) throw commitmentErrors.alreadyCommitted();
  entry.votes.set(commitment.nodeId, commitmentVote(commitment) ?? null);
  if (isScheduler(commitment)) entry.commitment = commitment;
}

/** A scheduler's own commitment with the votes on it. */
export type DecidedCommitment = SchedulerCommitment & Required<Pick<SchedulerCommitment, "commitment">>;

/** How a round stands. */
export type PoolOutcome =
  | { readonly kind: "decided"; readonly decided: DecidedCommitment }
  | { readonly kind: "waiting" }
  | { readonly kind: "discrepancy" }
  | { readonly kind: "failed"; readonly reason: "no scheduler" | "bad scheduler" | "insufficient votes" };

const WAITING: PoolOutcome = { kind: "waiting" };
const DISCREPANCY: PoolOutcome = { kind: "discrepancy" };

/** Votes of one role. */
interface Tally {
  total: number;
  commits: number;
  failures: number;
  /** Members by what they voted for, failures left out. */
  readonly votes: SortedMap<Uint8Array, number>;
}

function count({ votes }: SchedulerCommitment, committee: Committee, role: number): Tally {
  const tally: Tally = { total: 0, commits: 0, failures: 0, votes: SortedMap.bytes() };
  for (const member of committee.members ?? []) {
    if (member.role !== role) continue;
    tally.total++;
    const vote = votes.get(member.publicKey);
    if (vote === undefined) continue;
    if (vote === null) tally.failures++;
    else tally.votes.set(vote, (tally.votes.get(vote) ?? 0) + 1);
    tally.commits++;
  }
  return tally;
}

/** The primary workers must be unanimous, apart from stragglers; undefined when they are. */
function detect(tally: Tally, rank: bigint, stragglers: number, timeout: boolean): PoolOutcome | undefined {
  if (tally.votes.size > 1 || tally.failures > stragglers) {
    // Proposals of backup schedulers are disputed only when the time is up. Otherwise a backup scheduler could jump the
    // queue with the help of a few nodes that disagree at once.
    return rank === 0n || timeout ? DISCREPANCY : WAITING;
  }
  const agreeing = tally.votes.first()?.[1] ?? 0;
  if (agreeing >= tally.total - stragglers) return undefined;
  return timeout ? DISCREPANCY : WAITING;
}

/** The majority of the backup workers decides; undefined when they are for the scheduler. */
function resolve(tally: Tally, commitment: ExecutorCommitment, timeout: boolean): PoolOutcome | undefined {
  const required = (tally.total >> 1) + 1;
  let best = 0;
  let winner: Uint8Array | undefined;
  for (const [vote, votes] of tally.votes) {
    if (votes > best) [winner, best] = [vote, votes];
  }
  if (best + tally.total - tally.commits < required) return { kind: "failed", reason: "insufficient votes" };
  if (best < required) return timeout ? { kind: "failed", reason: "insufficient votes" } : WAITING;
  const own = commitmentVote(commitment);
  const won = winner !== undefined && own !== undefined && equalBytes(winner, own);
  return won ? undefined : { kind: "failed", reason: "bad scheduler" };
}

/**
 * Looks whether a round is decided. A discrepancy switches the pool to resolution, with the commitments of the highest
 * rank only; the caller then asks again.
 * @param stragglers workers that may be missing or fail
 * @param timeout whether the time for commitments is up
 */
export function processPool(pool: Pool, committee: Committee, stragglers: number, timeout: boolean): PoolOutcome {
  const entry = pool.schedulerCommitments.get(pool.highestRank) ?? undefined;
  if (entry === undefined) return timeout ? { kind: "failed", reason: "no scheduler" } : WAITING;
  assert(entry.commitment !== undefined, "the highest rank is set by a scheduler's own commitment");
  const decided = entry as DecidedCommitment;
  const tally = count(entry, committee, pool.discrepancy ? COMMITTEE_BACKUP_WORKER : COMMITTEE_WORKER);
  const outcome = pool.discrepancy
    ? resolve(tally, decided.commitment, timeout)
    : detect(tally, pool.highestRank, stragglers, timeout);
  if (outcome?.kind === "discrepancy") {
    pool.discrepancy = true;
    dropRanks(pool, (rank) => rank !== pool.highestRank);
  }
  return outcome ?? { kind: "decided", decided };
}
