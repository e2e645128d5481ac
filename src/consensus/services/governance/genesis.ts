/** The service's section of the genesis document (governance: genesis). */
import { SortedMap } from "#common/sorted-map.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import type { Context } from "../../app/context.js";
import type { GenesisHooks } from "../../app/define-service.js";
import { currentEpoch } from "../../app/epoch.js";
import { parameters } from "./params.js";
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

export const genesis: GenesisHooks<GovernanceGenesis> = { initChain, toGenesis: (ctx) => exportGenesis(ctx.state) };
