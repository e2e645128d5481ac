/** Views for the client API at one height (governance: gRPC). */
import type { KeyValueReader } from "#mkvs/key-value.js";
import { decodeEvent } from "../../app/events.js";
import type { AbciEvent } from "../../transaction/results.js";
import { type GovernanceEvent, proposalExecuted, proposalFinalized, proposalSubmitted, voteCast } from "./events.js";
import { pendingUpgradeList } from "./state.js";
import type { UpgradeDescriptor } from "./types.js";

export { exportGenesis as toGenesis } from "./genesis.js";
export {
  activeProposalList as activeProposals,
  loadProposal as proposal,
  proposalList as proposals,
  voteEntries as votes,
} from "./state.js";

/** `PendingUpgrades`, by epoch. */
export function pendingUpgrades(state: KeyValueReader): UpgradeDescriptor[] {
  return pendingUpgradeList(state).map(({ descriptor }) => descriptor);
}

/**
 * Reads a governance event out of a carrying event; undefined for events of others.
 * @param txHash hash of the transaction, the empty hash for events of the block itself
 */
export function event(carrier: AbciEvent, height: bigint, txHash: Uint8Array): GovernanceEvent | undefined {
  const found = {
    proposalSubmitted: decodeEvent(proposalSubmitted, carrier),
    proposalExecuted: decodeEvent(proposalExecuted, carrier),
    proposalFinalized: decodeEvent(proposalFinalized, carrier),
    vote: decodeEvent(voteCast, carrier),
  };
  const any = found.proposalSubmitted ?? found.proposalExecuted ?? found.proposalFinalized ?? found.vote;
  return any === undefined ? undefined : { height, txHash, ...found };
}
