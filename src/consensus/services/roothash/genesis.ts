import { toHex } from "#common/bytes.js";
import type { GenesisHooks } from "../../app/define-service.js";
import { runtimeList, suspendedRuntimeList } from "../registry/state.js";
import { createRuntimeState } from "./block/new-runtime.js";
import { checkParameters, type RootHashGenesis, rootHashParameters } from "./params.js";
import { toGenesis } from "./queries.js";

/** Genesis of root hash: the runtimes are those that the registry has put into the state. */
export const genesis: GenesisHooks<RootHashGenesis> = {
  check({ params, runtimeStates }, document) {
    document.attempt("params", () => checkParameters(params, document.debug));
    for (const [id, state] of runtimeStates) {
      if (state === null) document.refuse(`runtime_states.${toHex(id)}`, "must not be null");
    }
  },

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
