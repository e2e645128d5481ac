import type { Handlers } from "#common/rpc/index.js";
import { decodeEvent } from "#consensus/app/events.js";
import type { CommittedBlock } from "#consensus/backends/backend.js";
import { electedEvent } from "#consensus/services/scheduler/events.js";
import * as queries from "#consensus/services/scheduler/queries.js";
import type { schedulerMethods } from "#consensus/services/scheduler/rpc.js";
import type { Committee } from "#consensus/services/scheduler/types.js";
import { carriers, type ChainView } from "./chain-view.js";
import { orNull } from "./or-null.js";
import { watch } from "./watch.js";

/** Committees that a block elected. */
function* elected(view: ChainView, block: CommittedBlock): Generator<Committee, void, void> {
  for (const { event } of carriers(block)) {
    const kinds = decodeEvent(electedEvent, event)?.kinds;
    if (kinds !== undefined) yield* queries.committeesOfKinds(view.state(block.height), kinds);
  }
}

/** Methods of the scheduler. */
export function schedulerHandlers(view: ChainView): Handlers<(typeof schedulerMethods)["methods"]> {
  return {
    GetValidators: (height) => queries.getValidators(view.state(height)),
    GetCommittees: ({ height, runtimeId }) => orNull(queries.getCommittees(view.state(height), runtimeId)),
    StateToGenesis: (height) => queries.toGenesis(view.state(height)),
    ConsensusParameters: (height) => queries.getParameters(view.state(height)),
    WatchCommittees: (_, call) =>
      watch(
        view,
        call,
        () => queries.allCommittees(view.state(0n)),
        (block) => elected(view, block),
      ),
  };
}
