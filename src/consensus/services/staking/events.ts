/** Events of this service; all of them enter the events root of the block (staking: events). */
import { Address } from "#common/address.js";
import { Hash } from "#common/hash.js";
import { Quantity } from "#common/quantity.js";
import { bool, i64, omitEmpty, optional, struct, u64 } from "#common/schema/index.js";
import { defineEvent } from "../../app/events.js";

export const APP_NAME = "100_staking";

export class TransferEvent extends struct("TransferEvent", { from: Address, to: Address, amount: Quantity }) {}

export class BurnEvent extends struct("BurnEvent", { owner: Address, amount: Quantity }) {}

/** Stake enters an escrow account; without new shares when it is a reward. */
export class AddEscrowEvent extends struct("AddEscrowEvent", {
  owner: Address,
  escrow: Address,
  amount: Quantity,
  newShares: Quantity,
}) {}

/** Stake is slashed: from both pools, and from the debonding one alone. */
export class TakeEscrowEvent extends struct("TakeEscrowEvent", {
  owner: Address,
  amount: Quantity,
  debondingAmount: Quantity,
}) {}

export class DebondingStartEscrowEvent extends struct("DebondingStartEscrowEvent", {
  owner: Address,
  escrow: Address,
  amount: Quantity,
  activeShares: Quantity,
  debondingShares: Quantity,
  debondEndTime: u64,
}) {}

export class ReclaimEscrowEvent extends struct("ReclaimEscrowEvent", {
  owner: Address,
  escrow: Address,
  amount: Quantity,
  shares: Quantity,
}) {}

export class AllowanceChangeEvent extends struct("AllowanceChangeEvent", {
  owner: Address,
  beneficiary: Address,
  allowance: Quantity,
  negative: omitEmpty(bool),
  amountChange: Quantity,
}) {}

export class EscrowEvent extends struct("EscrowEvent", {
  add: optional(AddEscrowEvent),
  take: optional(TakeEscrowEvent),
  debondingStart: optional(DebondingStartEscrowEvent),
  reclaim: optional(ReclaimEscrowEvent),
}) {}

/** An event as the client API reports it; the hash of block events is the empty hash. */
export class StakingEvent extends struct("StakingEvent", {
  height: omitEmpty(i64),
  txHash: Hash,
  transfer: optional(TransferEvent),
  burn: optional(BurnEvent),
  escrow: optional(EscrowEvent),
  allowanceChange: optional(AllowanceChangeEvent),
}) {}

const PROVABLE = { provable: true };

export const transferred = defineEvent(APP_NAME, "transfer", TransferEvent, PROVABLE);
export const burnt = defineEvent(APP_NAME, "burn", BurnEvent, PROVABLE);
export const escrowAdded = defineEvent(APP_NAME, "add_escrow", AddEscrowEvent, PROVABLE);
export const escrowTaken = defineEvent(APP_NAME, "take_escrow", TakeEscrowEvent, PROVABLE);
export const debondingStarted = defineEvent(APP_NAME, "debonding_start", DebondingStartEscrowEvent, PROVABLE);
export const escrowReclaimed = defineEvent(APP_NAME, "reclaim_escrow", ReclaimEscrowEvent, PROVABLE);
export const allowanceChanged = defineEvent(APP_NAME, "allowance_change", AllowanceChangeEvent, PROVABLE);
