import { on, type Subscription } from "../../app/dispatch.js";
import { parameterChangeSubscriptions } from "../../app/parameter-changes.js";
import { newRuntimeRegistered, runtimeResumed, runtimeUpdated } from "../registry/events.js";
import { beforeSchedule } from "../scheduler/events.js";
import { evaluateLiveness } from "./block/liveness.js";
import { createRuntimeState } from "./block/new-runtime.js";
import { MODULE_NAME } from "./errors.js";
import {
  changedParameters,
  checkParameters,
  checkRuntime,
  RootHashParameterChanges,
  rootHashParameters,
} from "./params.js";
import { shrinkPastRoots } from "./state.js";

/** Root hash follows the registry's runtimes, judges workers before elections, and answers governance. */
export const messages: readonly Subscription[] = [
  // While the chain is started, runtimes are taken out of the registry's state instead.
  on(newRuntimeRegistered, (ctx, runtime) => {
    if (!ctx.isInitChain) createRuntimeState(ctx, runtime);
  }),
  on(runtimeUpdated, (ctx, runtime) => {
    if (!ctx.isInitChain) checkRuntime(runtime, rootHashParameters.load(ctx.state));
  }),
  // A resumed runtime gets its committee with the next epoch.
  on(runtimeResumed, () => undefined),
  on(beforeSchedule, evaluateLiveness),
  ...parameterChangeSubscriptions({
    module: MODULE_NAME,
    schema: RootHashParameterChanges,
    change(ctx, changes, apply) {
      const params = rootHashParameters.load(ctx.state);
      const changed = changedParameters(params, changes);
      checkParameters(changed, ctx.env.debug);
      if (!apply) return;
      if (changed.maxPastRootsStored < params.maxPastRootsStored)
        shrinkPastRoots(ctx.state, changed.maxPastRootsStored);
      rootHashParameters.set(ctx.state, changed);
    },
  }),
];
