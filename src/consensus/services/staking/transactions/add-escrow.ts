import { isReserved } from "#common/address.js";
import { equalBytes } from "#common/bytes.js";
import type { Context } from "../../../app/context.js";
import { defineTransaction } from "../../../app/define-service.js";
import { stakingErrors } from "../errors.js";
import { escrowAdded } from "../events.js";
import { GAS_ADD_ESCROW, gasCosts, parameters } from "../params.js";
import { deposit, getAccount, getDelegation, setAccount, setDelegation } from "../state/index.js";
import { type AddEscrowResult, Escrow } from "../types/index.js";

/** Escrows tokens of the caller. */
export function executeAddEscrow(ctx: Context, body: Escrow): AddEscrowResult {
  const params = parameters.load(ctx.state);
  const { account: escrow, amount } = body;
  if (amount < params.minDelegation) throw stakingErrors.underMinDelegation();
  const owner = ctx.caller;
  if (isReserved(owner)) throw stakingErrors.forbidden();
  const from = getAccount(ctx.state, owner);
  const own = equalBytes(owner, escrow);
  if (!own && params.disableDelegation) throw stakingErrors.forbidden();
  const to = own ? from : getAccount(ctx.state, escrow);
  const delegation = getDelegation(ctx.state, owner, escrow);
  const newShares = deposit(to.escrow.active, delegation, from.general, amount);
  if (from.general.balance < params.minTransactBalance) throw stakingErrors.balanceTooLow();
  setAccount(ctx.state, owner, from);
  if (!own) setAccount(ctx.state, escrow, to);
  setDelegation(ctx.state, owner, escrow, delegation);
  const result = { owner, escrow, amount, newShares };
  ctx.emit(escrowAdded, result);
  return result;
}

/** Escrows tokens to an account in return for shares of its active pool. */
export const addEscrow = defineTransaction({
  method: "staking.AddEscrow",
  body: Escrow,
  invalidBody: stakingErrors.invalidArgument,
  gasOp: GAS_ADD_ESCROW,
  gasCosts,
  inCheckTx: "accept",
  execute: executeAddEscrow,
});
