/** Bodies of transactions that move tokens; runtimes send most of them as messages too (staking: transactions). */
import { Address } from "#common/address.js";
import { Quantity } from "#common/quantity.js";
import { bool, omitEmpty, struct } from "#common/schema/index.js";

/** Moves tokens to another account. */
export class Transfer extends struct("Transfer", { to: Address, amount: Quantity }) {}

/** Destroys tokens. */
export class Burn extends struct("Burn", { amount: Quantity }) {}

/** Escrows tokens to an account in return for shares. */
export class Escrow extends struct("Escrow", { account: Address, amount: Quantity }) {}

/** Takes shares out of escrow. */
export class ReclaimEscrow extends struct("ReclaimEscrow", { account: Address, shares: Quantity }) {}

/** Changes how much a beneficiary may withdraw. */
export class Allow extends struct("Allow", {
  beneficiary: Address,
  negative: omitEmpty(bool),
  amountChange: Quantity,
}) {}

/** Moves tokens from an account that allowed it. */
export class Withdraw extends struct("Withdraw", { from: Address, amount: Quantity }) {}
