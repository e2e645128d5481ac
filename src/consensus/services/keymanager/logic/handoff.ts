/** Handoffs from one committee to the next (key manager: CHURP). */
import { compareBytes } from "#common/bytes.js";
import { ChurpStatus, HANDOFFS_DISABLED } from "../types/churp.js";

/** Smallest committee that can lose the extra shares and still recover the secret. */
function minCommitteeSize(status: ChurpStatus): number {
  return status.threshold + status.extraShares + 1;
}

/** Fewest applications with which a handoff may begin. */
export function minApplicants(status: ChurpStatus): number {
  const { threshold, committee, applications } = status;
  const size = minCommitteeSize(status);
  // While the secret is made, one honest node more than the threshold is needed.
  if (committee.length === 0) return Math.max(size, threshold + 2);
  const unchanged = committee.length === applications.size && committee.every((id) => applications.has(id));
  // A changed committee gets its shares by way of a polynomial of twice the degree.
  return unchanged ? size : Math.max(size, 2 * threshold + 1);
}

/** The status with the handoff that is under way forgotten and the next one at an epoch. */
export function withHandoffAt(status: ChurpStatus, epoch: bigint): ChurpStatus {
  const { nextChecksum: _, ...rest } = status;
  return { ...rest, nextHandoff: BigInt.asUintN(64, epoch), applications: ChurpStatus.zero().applications };
}

/**
 * The status after a complete handoff; undefined when it is not complete.
 * @param epochOver whether the handoff's epoch has ended, so that missing confirmations are not waited for
 */
export function finalizedHandoff(status: ChurpStatus, epochOver: boolean): ChurpStatus | undefined {
  const committee: Uint8Array[] = [];
  for (const [node, { reconstructed }] of status.applications) if (reconstructed) committee.push(node);
  if (committee.length < minCommitteeSize(status)) return undefined;
  if (!epochOver && committee.length !== status.applications.size) return undefined;
  committee.sort(compareBytes);
  let { handoffInterval } = status;
  let next = HANDOFFS_DISABLED;
  // The reference compares the last handoff here, not the one that has just ended.
  if (status.handoff < HANDOFFS_DISABLED - handoffInterval) {
    next = BigInt.asUintN(64, status.nextHandoff + handoffInterval);
  }
  // With an interval of one epoch the time for applications is over already, so they get another.
  if (epochOver && handoffInterval === 1n && next < HANDOFFS_DISABLED) next++;
  if (next === HANDOFFS_DISABLED) handoffInterval = 0n;
  const { nextChecksum: checksum, nextHandoff: handoff } = status;
  return { ...withHandoffAt(status, next), handoff, checksum, committee, handoffInterval };
}
