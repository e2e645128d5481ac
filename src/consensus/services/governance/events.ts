/** Events of this service (governance: events). */
import { Address } from "#common/address.js";
import { Hash } from "#common/hash.js";
import { i64, omitEmpty, optional, struct, u64 } from "#common/schema/index.js";
import { defineEvent } from "../../app/events.js";
import { ProposalState, Vote } from "./types.js";

export const APP_NAME = "300_governance";

export class ProposalSubmittedEvent extends struct("ProposalSubmittedEvent", { id: u64, submitter: Address }) {}

export class ProposalExecutedEvent extends struct("ProposalExecutedEvent", { id: u64 }) {}

export class ProposalFinalizedEvent extends struct("ProposalFinalizedEvent", { id: u64, state: ProposalState }) {}

export class VoteEvent extends struct("VoteEvent", { id: u64, submitter: Address, vote: Vote }) {}

/** An event as the client API reports it; the hash of block events is the empty hash. */
export class GovernanceEvent extends struct("GovernanceEvent", {
  height: omitEmpty(i64),
  txHash: Hash,
  proposalSubmitted: optional(ProposalSubmittedEvent),
  proposalExecuted: optional(ProposalExecutedEvent),
  proposalFinalized: optional(ProposalFinalizedEvent),
  vote: optional(VoteEvent),
}) {}

export const proposalSubmitted = defineEvent(APP_NAME, "proposal_submitted", ProposalSubmittedEvent);
export const proposalExecuted = defineEvent(APP_NAME, "proposal_executed", ProposalExecutedEvent);
export const proposalFinalized = defineEvent(APP_NAME, "proposal_finalized", ProposalFinalizedEvent);
export const voteCast = defineEvent(APP_NAME, "vote", VoteEvent);
