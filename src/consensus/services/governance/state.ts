/** Proposals, votes and pending upgrades (governance: state keys). */
import { Fault } from "#common/errors/index.js";
import { u64 } from "#common/schema/index.js";
import type { KeyValueReader, KeyValueStore } from "#mkvs/key-value.js";
import { addressPart, cell, keySet, table, u64Part } from "../../app/table.js";
import { governanceErrors } from "./errors.js";
import { Proposal, type UpgradeDescriptor, Vote, type VoteEntry } from "./types.js";

const nextProposalIdCell = cell(0x80, u64);
const proposals = table(0x81, [u64Part], Proposal);
/** Closing epoch, proposal. */
const activeProposals = keySet(0x82, [u64Part, u64Part]);
/** Proposal, voter. */
const votes = table(0x83, [u64Part, addressPart], Vote);
/** Epoch of the upgrade, proposal. */
const pendingUpgrades = keySet(0x84, [u64Part, u64Part]);

/** The identifier of the next proposal; 0 before genesis. */
export function nextProposalId(state: KeyValueReader): bigint {
  return nextProposalIdCell.get(state) ?? 0n;
}

export function setNextProposalId(state: KeyValueStore, id: bigint): void {
  nextProposalIdCell.set(state, id);
}

/** @throws CodedError governance/5 when there is no such proposal */
export function loadProposal(state: KeyValueReader, id: bigint): Proposal {
  const proposal = proposals.get(state, id);
  if (proposal === undefined) throw governanceErrors.noSuchProposal();
  return proposal;
}

/** All proposals, by identifier. */
export function proposalList(state: KeyValueReader): Proposal[] {
  return proposals.entries(state).map(([, proposal]) => proposal);
}

/** A proposal that an index names. */
function indexed(state: KeyValueReader, id: bigint): Proposal {
  const proposal = proposals.get(state, id);
  if (proposal === undefined) throw new Fault(`corrupted state: an index names the missing proposal ${id}`);
  return proposal;
}

/** Open proposals, by closing epoch and identifier. */
export function activeProposalList(state: KeyValueReader): Proposal[] {
  return activeProposals.entries(state).map(([[, id]]) => indexed(state, id));
}

export function setProposal(state: KeyValueStore, proposal: Proposal): void {
  proposals.set(state, [proposal.id], proposal);
}

/** Stores an open proposal and enters it for its closing epoch. */
export function setActiveProposal(state: KeyValueStore, proposal: Proposal): void {
  setProposal(state, proposal);
  activeProposals.set(state, [proposal.closesAt, proposal.id], true);
}

/** Removes a proposal from those that wait for their closing epoch. */
export function removeActiveProposal(state: KeyValueStore, proposal: Proposal): void {
  activeProposals.remove(state, proposal.closesAt, proposal.id);
}

/** Votes on a proposal, by voter. */
export function voteEntries(state: KeyValueReader, id: bigint): VoteEntry[] {
  return votes.entries(state, id).map(([[, voter], vote]) => ({ voter, vote }));
}

/** Records a vote; a later one of the same voter replaces it. */
export function setVote(state: KeyValueStore, id: bigint, voter: Uint8Array, vote: Vote): void {
  votes.set(state, [id, voter], vote);
}

/** An upgrade that was voted for and is still to come. */
export interface PendingUpgrade {
  readonly proposalId: bigint;
  readonly descriptor: UpgradeDescriptor;
}

/** Upgrades to come, by epoch and proposal. */
export function pendingUpgradeList(state: KeyValueReader): PendingUpgrade[] {
  return pendingUpgrades.entries(state).map(([[, proposalId]]) => {
    const descriptor = indexed(state, proposalId).content.upgrade;
    if (descriptor === undefined) throw new Fault(`corrupted state: pending proposal ${proposalId} is no upgrade`);
    return { proposalId, descriptor };
  });
}

/**
 * The upgrade that a proposal decided and that is still to come.
 * @throws CodedError governance/5 without such a proposal, governance/4 when it is no pending upgrade
 */
export function loadPendingUpgrade(state: KeyValueReader, id: bigint): UpgradeDescriptor {
  const { upgrade } = loadProposal(state, id).content;
  if (upgrade === undefined || !pendingUpgrades.has(state, upgrade.epoch, id)) throw governanceErrors.noSuchUpgrade();
  return upgrade;
}

export function setPendingUpgrade(state: KeyValueStore, epoch: bigint, proposalId: bigint): void {
  pendingUpgrades.set(state, [epoch, proposalId], true);
}

export function removePendingUpgrade(state: KeyValueStore, epoch: bigint, proposalId: bigint): void {
  pendingUpgrades.remove(state, epoch, proposalId);
}
