import { isReserved } from "#common/address.js";
import type { Context } from "../../../app/context.js";
import { defineTransaction } from "../../../app/define-service.js";
import { epochInState } from "../../../app/epoch.js";
import { validateParameterChanges } from "../../../app/parameter-changes.js";
import { stakingErrors } from "../../staking/errors.js";
import { depositToGovernance, getAccount } from "../../staking/state/index.js";
import { governanceErrors } from "../errors.js";
import { proposalSubmitted } from "../events.js";
import { checkContent, tooClose } from "../logic/content.js";
import { GAS_SUBMIT_PROPOSAL, type GovernanceParameters, parameters } from "../params.js";
import {
  loadPendingUpgrade,
  nextProposalId,
  pendingUpgradeList,
  setActiveProposal,
  setNextProposalId,
} from "../state.js";
import { Proposal, PROPOSAL_ACTIVE, ProposalContent } from "../types.js";

/** Checks a proposal against the state: distances between upgrades, and changes with the module that they are for. */
function checkAgainstState(ctx: Context, params: GovernanceParameters, content: ProposalContent, now: bigint): void {
  const { upgrade, cancelUpgrade, changeParameters } = content;
  if (upgrade !== undefined) {
    const distance = params.upgradeMinEpochDiff;
    if (upgrade.epoch < BigInt.asUintN(64, distance + now)) throw governanceErrors.upgradeTooSoon();
    const near = pendingUpgradeList(ctx.state).find((u) => tooClose(u.descriptor.epoch, upgrade.epoch, distance));
    if (near !== undefined) throw governanceErrors.upgradeAlreadyPending(`at epoch ${near.descriptor.epoch}`);
  } else if (cancelUpgrade !== undefined) {
    const { epoch } = loadPendingUpgrade(ctx.state, cancelUpgrade.proposalId);
    if (epoch < BigInt.asUintN(64, params.upgradeCancelMinEpochDiff + now)) throw governanceErrors.upgradeTooSoon();
  } else if (changeParameters !== undefined) {
    if (ctx.publish(validateParameterChanges, changeParameters) === undefined) throw governanceErrors.invalidArgument();
  }
}

/** Opens a proposal of the caller; undefined where the pool's check or a simulation ends. */
export function executeSubmitProposal(ctx: Context, content: ProposalContent): Proposal | undefined {
  const params = parameters.load(ctx.state);
  checkContent(content, params);
  if (ctx.isCheckTx) return undefined;
  if (content.changeParameters !== undefined && !params.enableChangeParametersProposal) {
    throw governanceErrors.invalidArgument("change parameters proposals are not enabled");
  }
  ctx.gas.use(1n, GAS_SUBMIT_PROPOSAL, params.gasCosts);
  if (ctx.isSimulation) return undefined;

  const submitter = ctx.caller;
  const deposit = params.minProposalDeposit;
  if (isReserved(submitter)) throw stakingErrors.forbidden();
  if (getAccount(ctx.state, submitter).general.balance < deposit) throw stakingErrors.insufficientBalance();
  const now = epochInState(ctx);
  checkAgainstState(ctx, params, content, now);

  depositToGovernance(ctx, submitter, deposit);
  const id = nextProposalId(ctx.state);
  setNextProposalId(ctx.state, BigInt.asUintN(64, id + 1n));
  const proposal: Proposal = {
    ...Proposal.zero(),
    id,
    submitter,
    state: PROPOSAL_ACTIVE,
    deposit,
    content,
    createdAt: now,
    closesAt: BigInt.asUintN(64, now + params.votingPeriod),
  };
  setActiveProposal(ctx.state, proposal);
  ctx.emit(proposalSubmitted, { id, submitter });
  return proposal;
}

/** Proposes an upgrade, its cancellation or a change of parameters; costs a deposit. */
export const submitProposal = defineTransaction({
  method: "governance.SubmitProposal",
  body: ProposalContent,
  invalidBody: governanceErrors.invalidArgument,
  // Checks come before the gas, in the pool's check too.
  gasOp: null,
  inCheckTx: "run",
  inSimulation: "run",
  execute: executeSubmitProposal,
});
