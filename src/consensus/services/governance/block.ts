/** Closing of proposals and begin of upgrades (governance: BeginBlock, EndBlock). */
import { addressFromPublicKey } from "#common/address.js";
import { CodedError, Fault } from "#common/errors/index.js";
import { SortedMap } from "#common/sorted-map.js";
import type { Context } from "../../app/context.js";
import { isNoSubscribers } from "../../app/dispatch.js";
import { newEpoch } from "../../app/epoch.js";
import { applyParameterChanges } from "../../app/parameter-changes.js";
import type { Topic } from "../../app/topics.js";
import { currentValidators } from "../scheduler/state.js";
import {
  delegationsFor,
  discardGovernanceDeposit,
  getAccount,
  returnGovernanceDeposit,
} from "../staking/state/index.js";
import type { SharePool } from "../staking/types/index.js";
import { governanceErrors } from "./errors.js";
import { proposalExecuted, proposalFinalized } from "./events.js";
import { tooClose } from "./logic/content.js";
import { passes, tally, type ValidatorPools } from "./logic/tally.js";
import { parameters } from "./params.js";
import {
  activeProposalList,
  loadPendingUpgrade,
  loadProposal,
  pendingUpgradeList,
  removeActiveProposal,
  removePendingUpgrade,
  setPendingUpgrade,
  setProposal,
  voteEntries,
} from "./state.js";
import {
  type CancelUpgrade,
  type ChangeParameters,
  type Proposal,
  PROPOSAL_FAILED,
  PROPOSAL_PASSED,
  PROPOSAL_REJECTED,
  upgradeCanceled,
  upgradeDue,
  upgradeScheduled,
  type UpgradeDescriptor,
} from "./types.js";

/** Tells who carries upgrades out; undefined when nobody does on this node. */
function tell(ctx: Context, topic: Topic<UpgradeDescriptor, true>, descriptor: UpgradeDescriptor): true | undefined {
  try {
    return ctx.publish(topic, descriptor);
  } catch (error) {
    if (isNoSubscribers(error)) return undefined;
    throw error;
  }
}

/** In the first block of an upgrade's epoch a node that cannot carry it out must not go on. */
export function beginBlock(ctx: Context): void {
  const epoch = newEpoch(ctx);
  if (epoch === undefined) return;
  const due = pendingUpgradeList(ctx.state).filter(({ descriptor }) => descriptor.epoch === epoch);
  const first = due[0];
  if (first === undefined) return;
  if (tell(ctx, upgradeDue, first.descriptor) === undefined) {
    throw new Fault(`reached the epoch of upgrade ${first.descriptor.handler}, which this node does not know`);
  }
  for (const { proposalId } of due) removePendingUpgrade(ctx.state, epoch, proposalId);
}

function executeUpgrade(ctx: Context, id: bigint, descriptor: UpgradeDescriptor): void {
  const { upgradeMinEpochDiff } = parameters.load(ctx.state);
  for (const pending of pendingUpgradeList(ctx.state)) {
    const { epoch } = pending.descriptor;
    if (tooClose(epoch, descriptor.epoch, upgradeMinEpochDiff)) {
      throw governanceErrors.upgradeAlreadyPending(`at epoch ${epoch}`);
    }
  }
  setPendingUpgrade(ctx.state, descriptor.epoch, id);
  tell(ctx, upgradeScheduled, descriptor);
}

function executeCancelUpgrade(ctx: Context, { proposalId }: CancelUpgrade): void {
  if (loadProposal(ctx.state, proposalId).content.upgrade === undefined) throw governanceErrors.noSuchUpgrade();
  const upgrade = loadPendingUpgrade(ctx.state, proposalId);
  removePendingUpgrade(ctx.state, upgrade.epoch, proposalId);
  tell(ctx, upgradeCanceled, upgrade);
}

function executeChangeParameters(ctx: Context, changes: ChangeParameters): void {
  if (!parameters.load(ctx.state).enableChangeParametersProposal) throw governanceErrors.invalidArgument();
  if (ctx.publish(applyParameterChanges, changes) === undefined) throw governanceErrors.invalidArgument();
}

/** Carries a proposal out and returns its final state. What a failing one has written stays. */
function executeProposal(ctx: Context, { id, content }: Proposal): number {
  const { upgrade, cancelUpgrade, changeParameters } = content;
  try {
    if (upgrade !== undefined) executeUpgrade(ctx, id, upgrade);
    else if (cancelUpgrade !== undefined) executeCancelUpgrade(ctx, cancelUpgrade);
    else if (changeParameters !== undefined) executeChangeParameters(ctx, changeParameters);
    else throw governanceErrors.invalidArgument();
  } catch (error) {
    if (error instanceof CodedError) return PROPOSAL_FAILED;
    throw error;
  }
  ctx.emit(proposalExecuted, { id });
  return PROPOSAL_PASSED;
}

/** Active pools of all entities with a validator, and their stake together. */
function validatorPools(ctx: Context): [ValidatorPools, bigint] {
  const pools = SortedMap.bytes<SharePool>();
  let total = 0n;
  for (const { entityId } of currentValidators(ctx.state).values()) {
    const address = addressFromPublicKey(entityId);
    if (pools.has(address)) continue;
    const { active } = getAccount(ctx.state, address).escrow;
    pools.set(address, active);
    total += active.balance;
  }
  return [pools, total];
}

function closeProposal(ctx: Context, proposal: Proposal, pools: ValidatorPools, total: bigint): void {
  const { id, submitter, deposit } = proposal;
  const votes = voteEntries(ctx.state, id);
  const outcome = tally(votes, pools, (voter) => delegationsFor(ctx.state, voter));
  proposal.results = outcome.results;
  proposal.invalidVotes = BigInt.asUintN(64, proposal.invalidVotes + outcome.invalidVotes);
  const passed = passes(outcome, total, parameters.load(ctx.state).stakeThreshold);
  proposal.state = passed ? executeProposal(ctx, proposal) : PROPOSAL_REJECTED;
  setProposal(ctx.state, proposal);
  removeActiveProposal(ctx.state, proposal);
  ctx.emit(proposalFinalized, { id, state: proposal.state });
  if (proposal.state === PROPOSAL_REJECTED) discardGovernanceDeposit(ctx, deposit);
  else returnGovernanceDeposit(ctx, submitter, deposit);
}

/** Closes the proposals of an epoch in its first block; one whose epoch was skipped stays open for ever. */
export function endBlock(ctx: Context): void {
  const epoch = newEpoch(ctx);
  if (epoch === undefined) return;
  const closing = activeProposalList(ctx.state).filter(({ closesAt }) => closesAt === epoch);
  if (closing.length === 0) return;
  const [pools, total] = validatorPools(ctx);
  if (total === 0n) throw new Fault("total voting stake is zero");
  for (const proposal of closing) closeProposal(ctx, proposal, pools, total);
}
