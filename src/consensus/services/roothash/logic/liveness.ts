/** How well the members of a committee took part in the rounds of an epoch (root hash: liveness). */
import type { ExecutorParameters } from "../../registry/types/runtime.js";
import type { LivenessStatistics } from "../types.js";

/** Failures that a node may collect where the runtime sets no limit. */
const NO_FAILURE_LIMIT = 255;

/** Counters of a fresh epoch. */
export function newStatistics(members: number): LivenessStatistics {
  const zeros = (): bigint[] => Array.from({ length: members }, () => 0n);
  return { totalRounds: 0n, liveRounds: zeros(), finalizedProposals: zeros(), missedProposals: zeros() };
}

/** Adds one to the counter of a member. */
export function countUp(counters: bigint[] | null, member: number): void {
  if (counters !== null) counters[member] = BigInt.asUintN(64, (counters[member] ?? 0n) + 1n);
}

function percentOf(count: bigint, percent: number): bigint {
  return BigInt.asUintN(64, count * BigInt(percent)) / 100n;
}

/** Whether an epoch had enough rounds to be judged. */
export function isEvaluated({ totalRounds }: LivenessStatistics, params: ExecutorParameters): boolean {
  return totalRounds > 0n && totalRounds >= params.minLiveRoundsForEvaluation;
}

/** Whether a member took part in enough rounds and did not miss too many of its own proposals. */
export function isLive(statistics: LivenessStatistics, member: number, params: ExecutorParameters): boolean {
  const of = (counters: bigint[] | null): bigint => counters?.[member] ?? 0n;
  const missed = of(statistics.missedProposals);
  const proposals = BigInt.asUintN(64, missed + of(statistics.finalizedProposals));
  const tolerated = params.maxMissedProposalsPercent;
  const enough = of(statistics.liveRounds) >= percentOf(statistics.totalRounds, params.minLiveRoundsPercent);
  return enough && (tolerated === 0 || missed <= percentOf(proposals, tolerated));
}

/** Failures in a row at which a node is frozen. */
export function failureLimit({ maxLivenessFailures }: ExecutorParameters): number {
  return maxLivenessFailures === 0 ? NO_FAILURE_LIMIT : maxLivenessFailures;
}
