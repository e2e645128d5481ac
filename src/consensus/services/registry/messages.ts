import { parameterChangeSubscriptions } from "../../app/parameter-changes.js";
import { isFeature261 } from "../../app/parameters.js";
import { on, type Subscription } from "../../app/dispatch.js";
import { MODULE_NAME, registryErrors } from "./errors.js";
import {
  changedParameters,
  checkChanges,
  checkParameters,
  hasStorageCommittees,
  RegistryParameterChanges,
  registryParameters,
} from "./params.js";
import { registerRuntime } from "./transactions/register-runtime.js";
import { runtimeRegistryMessage } from "./types/messages.js";
import { Runtime } from "./types/runtime.js";

/** The registry answers runtimes that change their own descriptor, and governance. */
export const messages: readonly Subscription[] = [
  on(runtimeRegistryMessage, (ctx, { updateRuntime }) => {
    if (updateRuntime === undefined) throw registryErrors.invalidArgument();
    const runtime = registerRuntime(ctx, updateRuntime);
    return runtime === undefined ? undefined : Runtime.encode(runtime);
  }),
  ...parameterChangeSubscriptions({
    module: MODULE_NAME,
    schema: RegistryParameterChanges,
    extended: (ctx) => hasStorageCommittees(ctx.state),
    change(ctx, changes, apply) {
      const params = registryParameters.load(ctx.state);
      checkChanges(changes);
      const changed = changedParameters(params, changes);
      checkParameters(changed, ctx.env.debug, isFeature261(ctx.state));
      if (apply) registryParameters.set(ctx.state, changed);
    },
  }),
];
