import { parameterChangeSubscriptions } from "../../app/parameter-changes.js";
import { MODULE_NAME } from "./errors.js";
import { changedParameters, checkParameters, SchedulerParameterChanges, schedulerParametersCell } from "./params.js";

/** The scheduler takes parameter changes of governance. */
export const messages = parameterChangeSubscriptions({
  module: MODULE_NAME,
  schema: SchedulerParameterChanges,
  change(ctx, changes, apply) {
    const params = changedParameters(schedulerParametersCell.load(ctx.state), changes);
    checkParameters(params, ctx.env.debug);
    if (apply) schedulerParametersCell.set(ctx.state, params);
  },
});
