import type { GenesisHooks } from "../../app/define-service.js";
import { runtimeList, suspendedRuntimeList } from "../registry/state.js";
import { createRuntimeState } from "./block/new-runtime.js";
import { type RootHashGenesis, rootHashParameters } from "./params.js";
import { toGenesis } from "./queries.js";

/** Genesis of root hash: the runtimes are those that the registry has put into the state. */
export const genesis: GenesisHooks<RootHashGenesis> = {
  initChain(ctx, { params, runtimeStates }) {
    rootHashParameters.set(ctx.state, params);
    for (const runtime of runtimeList(ctx.state)) {
      createRuntimeState(ctx, runtime, { state: runtimeStates.get(runtime.id) ?? undefined, suspended: false });
    }
    for (const runtime of suspendedRuntimeList(ctx.state)) {
      createRuntimeState(ctx, runtime, { state: runtimeStates.get(runtime.id) ?? undefined, suspended: true });
    }
  },

  toGenesis: (ctx) => toGenesis(ctx.state),
};
