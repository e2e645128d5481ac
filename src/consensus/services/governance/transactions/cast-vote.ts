import { addressFromPublicKey, isReserved } from "#common/address.js";
import { equalBytes } from "#common/bytes.js";
import type { Context } from "../../../app/context.js";
import { defineTransaction } from "../../../app/define-service.js";
import { getEntity } from "../../registry/state.js";
import { currentValidators } from "../../scheduler/state.js";
import { stakingErrors } from "../../staking/errors.js";
import { delegationsFor } from "../../staking/state/index.js";
import { governanceErrors } from "../errors.js";
import { voteCast } from "../events.js";
import { GAS_CAST_VOTE, type GovernanceParameters, parameters } from "../params.js";
import { loadProposal, setVote } from "../state.js";
import { PROPOSAL_ACTIVE, ProposalVote } from "../types.js";

/** Nodes of the voting entity: that of the signer of the transaction, also when a vault votes. */
function voterNodes(ctx: Context, params: GovernanceParameters, fromRuntime: boolean): readonly Uint8Array[] {
  const entity = fromRuntime ? undefined : getEntity(ctx.state, ctx.signer);
  if (entity === undefined && !params.allowVoteWithoutEntity) throw governanceErrors.notEligible();
  return entity?.nodes ?? [];
}

/** Whether a voter has a validator or delegates to somebody who has. */
function isEligible(ctx: Context, nodes: readonly Uint8Array[]): boolean {
  const validators = [...currentValidators(ctx.state).values()];
  if (nodes.some((node) => validators.some(({ id }) => equalBytes(id, node)))) return true;
  const delegations = delegationsFor(ctx.state, ctx.caller);
  return validators.some(({ entityId }) => delegations.has(addressFromPublicKey(entityId)));
}

/** Casts the caller's vote, or changes it. */
export function executeCastVote(ctx: Context, { id, vote }: ProposalVote, fromRuntime: boolean): void {
  const submitter = ctx.caller;
  if (isReserved(submitter)) throw stakingErrors.forbidden();
  const nodes = voterNodes(ctx, parameters.load(ctx.state), fromRuntime);
  if (!isEligible(ctx, nodes)) throw governanceErrors.notEligible();
  if (loadProposal(ctx.state, id).state !== PROPOSAL_ACTIVE) throw governanceErrors.votingIsClosed();
  setVote(ctx.state, id, submitter, vote);
  ctx.emit(voteCast, { id, submitter, vote });
}

/** Votes on an open proposal. The value of the vote is not checked: an unknown one counts for nothing. */
export const castVote = defineTransaction({
  method: "governance.CastVote",
  body: ProposalVote,
  invalidBody: governanceErrors.invalidArgument,
  gasOp: GAS_CAST_VOTE,
  gasCosts: (ctx) => parameters.load(ctx.state).gasCosts,
  inCheckTx: "accept",
  execute: (ctx, body) => executeCastVote(ctx, body, false),
});
