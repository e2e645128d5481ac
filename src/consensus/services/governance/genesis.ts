/** The service's section of the genesis document (governance: genesis). */
import { isReserved } from "#common/address.js";
import { SortedMap } from "#common/sorted-map.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import type { Context } from "../../app/context.js";
import type { GenesisCheck, GenesisHooks } from "../../app/define-service.js";
import { currentEpoch } from "../../app/epoch.js";
import type { StakingGenesis } from "../staking/types/genesis.js";
import { checkUpgrade, tooClose } from "./logic/content.js";
import { checkParameters, parameters } from "./params.js";
import {
  proposalList,
  setActiveProposal,
  setNextProposalId,
  setPendingUpgrade,
  setProposal,
  setVote,
  voteEntries,
} from "./state.js";
import { type GovernanceGenesis, type Proposal, PROPOSAL_ACTIVE, PROPOSAL_PASSED, type VoteEntry } from "./types.js";

/** Upgrades that passed proposals have decided, that no other passed proposal canceled and that are not over. */
function pendingUpgrades(proposals: readonly Proposal[], epoch: bigint): [epoch: bigint, proposalId: bigint][] {
  const passed = proposals.filter(({ state }) => state === PROPOSAL_PASSED);
  const canceled = passed.map(({ content }) => content.cancelUpgrade?.proposalId);
  const pending: [bigint, bigint][] = [];
  for (const { id, content } of passed) {
    const { upgrade } = content;
    if (upgrade !== undefined && upgrade.epoch >= epoch && !canceled.includes(id)) pending.push([upgrade.epoch, id]);
  }
  return pending;
}

function initChain(ctx: Context, genesis: GovernanceGenesis): void {
  const { state } = ctx;
  parameters.set(state, genesis.params);
  let largest = 0n;
  for (const proposal of genesis.proposals) {
    if (proposal.id > largest) largest = proposal.id;
    if (proposal.state === PROPOSAL_ACTIVE) setActiveProposal(state, proposal);
    else setProposal(state, proposal);
    for (const { voter, vote } of genesis.voteEntries.get(proposal.id) ?? []) setVote(state, proposal.id, voter, vote);
  }
  for (const [epoch, id] of pendingUpgrades(genesis.proposals, currentEpoch(ctx))) setPendingUpgrade(state, epoch, id);
  setNextProposalId(state, BigInt.asUintN(64, largest + 1n));
}

/** The section that starts a chain with the same proposals. */
export function exportGenesis(state: KeyValueReader): GovernanceGenesis {
  const proposals = proposalList(state);
  const votes = SortedMap.int<bigint, VoteEntry[] | null>();
  for (const { id } of proposals) {
    const entries = voteEntries(state, id);
    votes.set(id, entries.length === 0 ? null : entries);
  }
  return { params: parameters.load(state), proposals, voteEntries: votes };
}

function checkActive(proposal: Proposal, field: string, { baseEpoch, refuse }: GenesisCheck): void {
  const { closesAt, results, invalidVotes, content } = proposal;
  if (closesAt < baseEpoch) refuse(`${field}.closes_at`, "an active proposal cannot close in the past");
  if (results.size > 0) refuse(`${field}.results`, "an active proposal has no results yet");
  if (invalidVotes !== 0n) refuse(`${field}.invalid_votes`, "an active proposal has no counted votes yet");
  if (content.upgrade !== undefined && content.upgrade.epoch < baseEpoch) {
    refuse(`${field}.content.upgrade.epoch`, "lies in the past");
  }
}

function checkPendingUpgrades({ params, proposals }: GovernanceGenesis, document: GenesisCheck): void {
  const pending = pendingUpgrades(proposals, document.baseEpoch);
  const byId = (id: bigint): Proposal | undefined => proposals.find((proposal) => proposal.id === id);
  for (const [, id] of pending) {
    const upgrade = byId(id)?.content.upgrade;
    if (upgrade !== undefined) document.attempt(`proposals (${id})`, () => checkUpgrade(upgrade));
  }
  const epochs = pending.map(([epoch]) => epoch).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  epochs.forEach((epoch, i) => {
    const next = epochs[i + 1];
    if (next !== undefined && tooClose(epoch, next, params.upgradeMinEpochDiff)) {
      document.refuse("proposals", `pending upgrades at epochs ${epoch} and ${next} are too close`);
    }
  });
}

function check(genesis: GovernanceGenesis, document: GenesisCheck): void {
  const { baseEpoch, refuse } = document;
  document.attempt("params", () => checkParameters(genesis.params));
  let deposits = 0n;
  genesis.proposals.forEach((proposal, i) => {
    const field = `proposals[${i}]`;
    if (proposal.createdAt > baseEpoch) refuse(`${field}.created_at`, "lies in the future");
    if (isReserved(proposal.submitter)) refuse(`${field}.submitter`, "is a reserved address");
    if (proposal.state === PROPOSAL_ACTIVE) {
      checkActive(proposal, field, document);
      deposits += proposal.deposit;
    } else if (proposal.closesAt > baseEpoch)
      refuse(`${field}.closes_at`, "a closed proposal cannot close in the future");
    for (const { voter } of genesis.voteEntries.get(proposal.id) ?? []) {
      if (isReserved(voter)) refuse(`vote_entries.${proposal.id}`, "a reserved address votes");
    }
  });
  const held = (document.section("staking") as StakingGenesis).governanceDeposits;
  if (deposits !== held) refuse("proposals", `deposits add up to ${deposits}, staking holds ${held}`);
  checkPendingUpgrades(genesis, document);
}

export const genesis: GenesisHooks<GovernanceGenesis> = {
  check,
  initChain,
  toGenesis: (ctx) => exportGenesis(ctx.state),
};
