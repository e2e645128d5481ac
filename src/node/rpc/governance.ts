import { follow, type Handlers } from "#common/rpc/index.js";
import { parameters } from "#consensus/services/governance/params.js";
import * as queries from "#consensus/services/governance/queries.js";
import type { governanceMethods } from "#consensus/services/governance/rpc.js";
import { type ChainView, readEvents } from "./chain-view.js";
import { orNull } from "./or-null.js";

/** Methods of governance. */
export function governanceHandlers(view: ChainView): Handlers<(typeof governanceMethods)["methods"]> {
  return {
    ActiveProposals: (height) => orNull(queries.activeProposals(view.state(height))),
    Proposals: (height) => orNull(queries.proposals(view.state(height))),
    Proposal: ({ height, id }) => queries.proposal(view.state(height), id),
    Votes: ({ height, id }) => orNull(queries.votes(view.state(height), id)),
    PendingUpgrades: (height) => orNull(queries.pendingUpgrades(view.state(height))),
    StateToGenesis: (height) => queries.toGenesis(view.state(height)),
    ConsensusParameters: (height) => parameters.load(view.state(height)),
    GetEvents: (height) => view.events(height, queries.event),
    WatchEvents: (_, call) => follow(call, view.follow(), (block) => readEvents(block, queries.event)),
  };
}
