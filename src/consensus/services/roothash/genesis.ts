import { SortedMap } from "#common/sorted-map.js";
import type { GenesisHooks } from "../../app/define-service.js";
import { runtimeList, suspendedRuntimeList } from "../registry/state.js";
import { createRuntimeState } from "./block/new-runtime.js";
import { type GenesisRuntimeState, type RootHashGenesis, rootHashParameters } from "./params.js";
import { getLastRoundResults, lastBlockOf, runtimeOf, runtimeStateList } from "./state.js";

/** Genesis of root hash: the runtimes are those that the registry has put into the state. */
export const genesis: GenesisHooks<RootHashGenesis> = {
  initChain(ctx, { params, runtimeStates }) {
    rootHashParameters.set(ctx.state, params);
    const create = (suspended: boolean) => (runtime: Parameters<typeof createRuntimeState>[1]) => {
      createRuntimeState(ctx, runtime, { state: runtimeStates.get(runtime.id) ?? undefined, suspended });
    };
    runtimeList(ctx.state).forEach(create(false));
    suspendedRuntimeList(ctx.state).forEach(create(true));
  },

  toGenesis(ctx) {
    const runtimeStates = SortedMap.bytes<GenesisRuntimeState | null>();
    for (const value of runtimeStateList(ctx.state)) {
      const { id } = runtimeOf(value);
      const { stateRoot, round } = lastBlockOf(value).header;
      const { messages: messageResults } = getLastRoundResults(ctx.state, id);
      runtimeStates.set(id, { stateRoot, round, messageResults });
    }
    return { params: rootHashParameters.load(ctx.state), runtimeStates };
  },
};
