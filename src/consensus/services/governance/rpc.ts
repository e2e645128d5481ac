import { FRAME_ELEMENTS } from "#common/limits.js";
import { defineMethods, stream, unary } from "#common/rpc/index.js";
import { i64, list, nothing, nullable } from "#common/schema/index.js";
import { GovernanceEvent } from "./events.js";
import { GovernanceParameters } from "./params.js";
import { GovernanceGenesis, Proposal, ProposalQuery, UpgradeDescriptor, VoteEntry } from "./types.js";

const many = { max: FRAME_ELEMENTS };

/** Methods of the service's client API; heights of 0 mean the latest. */
export const governanceMethods = defineMethods("Governance", {
  ActiveProposals: unary(i64, nullable(list(Proposal, many))),
  Proposals: unary(i64, nullable(list(Proposal, many))),
  Proposal: unary(ProposalQuery, Proposal),
  Votes: unary(ProposalQuery, nullable(list(VoteEntry, many))),
  PendingUpgrades: unary(i64, nullable(list(UpgradeDescriptor, many))),
  StateToGenesis: unary(i64, GovernanceGenesis),
  ConsensusParameters: unary(i64, GovernanceParameters),
  GetEvents: unary(i64, nullable(list(GovernanceEvent, many))),
  WatchEvents: stream(nothing, GovernanceEvent),
});
