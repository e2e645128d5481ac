/** What the service answers to runtimes, and changes of its own parameters (governance: messages). */
import type { Context } from "../../app/context.js";
import { on, type Subscription } from "../../app/dispatch.js";
import { parameterChangeSubscriptions } from "../../app/parameter-changes.js";
import { governanceErrors, MODULE_NAME } from "./errors.js";
import {
  applyChanges,
  checkChanges,
  checkParameters,
  GAS_CAST_VOTE,
  GovernanceParameterChanges,
  parameters,
} from "./params.js";
import { executeCastVote } from "./transactions/cast-vote.js";
import { executeSubmitProposal } from "./transactions/submit-proposal.js";
import { type GovernanceMessage, Proposal, runtimeGovernanceMessage } from "./types.js";

function answerRuntime(ctx: Context, { castVote, submitProposal }: GovernanceMessage): Uint8Array | undefined {
  if (castVote !== undefined) {
    if (ctx.isCheckTx) return undefined;
    ctx.gas.use(1n, GAS_CAST_VOTE, parameters.load(ctx.state).gasCosts);
    if (!ctx.isSimulation) executeCastVote(ctx, castVote, true);
    return undefined;
  }
  if (submitProposal === undefined) throw governanceErrors.invalidArgument();
  const proposal = executeSubmitProposal(ctx, submitProposal);
  return proposal === undefined ? undefined : Proposal.encode(proposal);
}

function change(ctx: Context, changes: GovernanceParameterChanges, apply: boolean): void {
  const current = parameters.load(ctx.state);
  checkChanges(changes);
  const params = applyChanges(current, changes);
  checkParameters(params);
  if (apply) parameters.set(ctx.state, params);
}

export const messages: readonly Subscription[] = [
  on(runtimeGovernanceMessage, answerRuntime),
  ...parameterChangeSubscriptions({ module: MODULE_NAME, schema: GovernanceParameterChanges, change }),
];
