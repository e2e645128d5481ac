/** Proposals and votes (governance: types). */
import { Address } from "#common/address.js";
import { FRAME_BYTES, FRAME_ELEMENTS } from "#common/limits.js";
import { Quantity } from "#common/quantity.js";
import {
  enumeration,
  i64,
  list,
  map,
  nullable,
  omitEmpty,
  optional,
  raw,
  type Schema,
  struct,
  text,
  u16,
  u64,
} from "#common/schema/index.js";
import { Version } from "#common/version.js";
import { defineTopic } from "../../app/topics.js";
import { GovernanceParameters } from "./params.js";

export const VOTE_YES = 1;
export const VOTE_NO = 2;
export const VOTE_ABSTAIN = 3;

export type Vote = number;
export const Vote: Schema<number> = enumeration("Vote", { yes: VOTE_YES, no: VOTE_NO, abstain: VOTE_ABSTAIN });

export const PROPOSAL_ACTIVE = 1;
export const PROPOSAL_PASSED = 2;
export const PROPOSAL_REJECTED = 3;
export const PROPOSAL_FAILED = 4;

export type ProposalState = number;
export const ProposalState: Schema<number> = enumeration("ProposalState", {
  active: PROPOSAL_ACTIVE,
  passed: PROPOSAL_PASSED,
  rejected: PROPOSAL_REJECTED,
  failed: PROPOSAL_FAILED,
});

/** Protocol versions that an upgrade leads to. */
export class ProtocolVersions extends struct("ProtocolVersions", {
  consensusProtocol: Version,
  runtimeHostProtocol: Version,
  runtimeCommitteeProtocol: Version,
}) {}

/** An upgrade: who handles it, what it leads to and in which epoch it happens. */
export class UpgradeDescriptor extends struct("UpgradeDescriptor", {
  v: u16,
  handler: text({ max: FRAME_BYTES }),
  target: ProtocolVersions,
  epoch: u64,
}) {}

export class CancelUpgrade extends struct("CancelUpgrade", { proposalId: u64 }) {}

/** Parameter changes of one module, encoded as that module defines them. */
export class ChangeParameters extends struct("ChangeParameters", {
  module: text({ max: FRAME_BYTES }),
  changes: raw,
}) {}

export class ProposalMetadata extends struct("ProposalMetadata", {
  title: text({ max: FRAME_BYTES }),
  description: omitEmpty(text({ max: FRAME_BYTES })),
}) {}

/** What is proposed: exactly one of the three kinds, checked when the proposal is made. */
export class ProposalContent extends struct("ProposalContent", {
  metadata: optional(ProposalMetadata),
  upgrade: optional(UpgradeDescriptor),
  cancelUpgrade: optional(CancelUpgrade),
  changeParameters: optional(ChangeParameters),
}) {}

export class ProposalVote extends struct("ProposalVote", { id: u64, vote: Vote }) {}

export class Proposal extends struct("Proposal", {
  id: u64,
  submitter: Address,
  state: ProposalState,
  deposit: Quantity,
  content: ProposalContent,
  createdAt: u64,
  closesAt: u64,
  results: omitEmpty(map(Vote, Quantity, { max: FRAME_ELEMENTS })),
  invalidVotes: omitEmpty(u64),
}) {}

/** What a runtime asks of this service; exactly one request is set. */
export class GovernanceMessage extends struct("GovernanceMessage", {
  v: u16,
  castVote: optional(ProposalVote),
  submitProposal: optional(ProposalContent),
}) {}

/** A message of a runtime, sent by the root hash service with the runtime as caller; answer: the encoded result. */
export const runtimeGovernanceMessage = defineTopic<GovernanceMessage, Uint8Array>("runtime message: governance");

/** A voter and its vote. */
export class VoteEntry extends struct("VoteEntry", { voter: Address, vote: Vote }) {}

/** The service's section of the genesis document; pending upgrades follow from the proposals. */
export class GovernanceGenesis extends struct("GovernanceGenesis", {
  params: GovernanceParameters,
  proposals: omitEmpty(list(Proposal, { max: FRAME_ELEMENTS })),
  voteEntries: omitEmpty(map(u64, nullable(list(VoteEntry, { max: FRAME_ELEMENTS })), { max: FRAME_ELEMENTS })),
}) {}

/** A proposal of a height. */
export class ProposalQuery extends struct("ProposalQuery", { height: i64, id: u64 }) {}

/** An upgrade was decided: whoever carries upgrades out should prepare for it. */
export const upgradeScheduled = defineTopic<UpgradeDescriptor, true>("governance: upgrade scheduled");

/** A decided upgrade was canceled. */
export const upgradeCanceled = defineTopic<UpgradeDescriptor, true>("governance: upgrade canceled");

/** The epoch of an upgrade has begun: the answer is true if this node carries the upgrade out. */
export const upgradeDue = defineTopic<UpgradeDescriptor, true>("governance: upgrade due");
