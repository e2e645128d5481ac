/** Events of this service (vault: events). */
import { Address } from "#common/address.js";
import { Hash } from "#common/hash.js";
import { i64, nullable, omitEmpty, optional, struct, text, u32, u64, u8 } from "#common/schema/index.js";
import { defineEvent } from "../../app/events.js";

export const APP_NAME = "400_vault";

export class ActionSubmittedEvent extends struct("ActionSubmittedEvent", {
  submitter: Address,
  vault: Address,
  nonce: u64,
}) {}

export class ActionCanceledEvent extends struct("ActionCanceledEvent", { vault: Address, nonce: u64 }) {}

/** Code 0 and no module for success. */
export class ActionExecutionResult extends struct("ActionExecutionResult", {
  module: omitEmpty(text({ max: 256 })),
  code: omitEmpty(u32),
}) {}

export class ActionExecutedEvent extends struct("ActionExecutedEvent", {
  vault: Address,
  nonce: u64,
  result: omitEmpty(ActionExecutionResult),
}) {}

export class StateChangedEvent extends struct("StateChangedEvent", { vault: Address, oldState: u8, newState: u8 }) {}

export class PolicyUpdatedEvent extends struct("PolicyUpdatedEvent", { vault: Address, address: Address }) {}

export class AuthorityUpdatedEvent extends struct("AuthorityUpdatedEvent", { vault: Address }) {}

/** An event as the client API reports it; two of the kinds are written as null when they are absent. */
export class VaultEvent extends struct("VaultEvent", {
  height: omitEmpty(i64),
  txHash: Hash,
  actionSubmitted: optional(ActionSubmittedEvent),
  actionCanceled: optional(ActionCanceledEvent),
  actionExecuted: optional(ActionExecutedEvent),
  stateChanged: optional(StateChangedEvent),
  policyUpdated: nullable(PolicyUpdatedEvent),
  authorityUpdated: nullable(AuthorityUpdatedEvent),
}) {}

export const actionSubmitted = defineEvent(APP_NAME, "action_submitted", ActionSubmittedEvent);
export const actionCanceled = defineEvent(APP_NAME, "action_canceled", ActionCanceledEvent);
export const actionExecuted = defineEvent(APP_NAME, "action_executed", ActionExecutedEvent);
export const stateChanged = defineEvent(APP_NAME, "state_changed", StateChangedEvent);
export const policyUpdated = defineEvent(APP_NAME, "policy_updated", PolicyUpdatedEvent);
export const authorityUpdated = defineEvent(APP_NAME, "authority_updated", AuthorityUpdatedEvent);
