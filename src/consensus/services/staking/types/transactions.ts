/** Bodies of the transactions, what runtimes may send, and what they get back (staking: transactions). */
import { Address } from "#common/address.js";
import { Quantity } from "#common/quantity.js";
import { bool, omitEmpty, optional, struct, u16, u64 } from "#common/schema/index.js";
import { defineTopic } from "../../../app/topics.js";
import { CommissionSchedule } from "./commission.js";
import type { HookDestination } from "./account.js";

/** Moves tokens to another account. */
export class Transfer extends struct("Transfer", { to: Address, amount: Quantity }) {}

/** Destroys tokens. */
export class Burn extends struct("Burn", { amount: Quantity }) {}

/** Escrows tokens to an account in return for shares. */
export class Escrow extends struct("Escrow", { account: Address, amount: Quantity }) {}

/** Starts debonding of shares. */
export class ReclaimEscrow extends struct("ReclaimEscrow", { account: Address, shares: Quantity }) {}

/** Changes the signer's commission schedule. */
export class AmendCommissionSchedule extends struct("AmendCommissionSchedule", { amendment: CommissionSchedule }) {}

/** Raises or lowers what a beneficiary may withdraw from the signer's account. */
export class Allow extends struct("Allow", {
  beneficiary: Address,
  negative: omitEmpty(bool),
  amountChange: Quantity,
}) {}

/** Takes tokens out of another's account, as far as allowed. */
export class Withdraw extends struct("Withdraw", { from: Address, amount: Quantity }) {}

export class TransferResult extends struct("TransferResult", { from: Address, to: Address, amount: Quantity }) {}

export class WithdrawResult extends struct("WithdrawResult", {
  owner: Address,
  beneficiary: Address,
  allowance: Quantity,
  amountChange: Quantity,
}) {}

export class AddEscrowResult extends struct("AddEscrowResult", {
  owner: Address,
  escrow: Address,
  amount: Quantity,
  newShares: Quantity,
}) {}

export class ReclaimEscrowResult extends struct("ReclaimEscrowResult", {
  owner: Address,
  escrow: Address,
  amount: Quantity,
  debondingShares: Quantity,
  remainingShares: Quantity,
  debondEndTime: u64,
}) {}

/** What a runtime asks of this service; exactly one request is set. */
export class StakingMessage extends struct("StakingMessage", {
  v: u16,
  transfer: optional(Transfer),
  withdraw: optional(Withdraw),
  addEscrow: optional(Escrow),
  reclaimEscrow: optional(ReclaimEscrow),
}) {}

/** A message of a runtime, sent by the root hash service with the runtime as caller; answer: the encoded result. */
export const runtimeStakingMessage = defineTopic<StakingMessage, Uint8Array>("runtime message: staking");

/** A withdrawal from an account with a withdraw hook. */
export interface WithdrawHookInvocation {
  readonly destination: HookDestination;
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly amount: bigint;
}

/** Asks the module of a hook whether a withdrawal is fine: it throws if not. */
export const withdrawHook = defineTopic<WithdrawHookInvocation, true>("account hook: withdraw");
