import { isReserved } from "#common/address.js";
import { equalBytes } from "#common/bytes.js";
import type { Context } from "../../../app/context.js";
import { defineTransaction } from "../../../app/define-service.js";
import { epochInState } from "../../../app/epoch.js";
import { stakingErrors } from "../errors.js";
import { debondingStarted } from "../events.js";
import { GAS_RECLAIM_ESCROW, gasCosts, parameters } from "../params.js";
import { addDebonding, deposit, getAccount, getDelegation, redeem, setAccount, setDelegation } from "../state/index.js";
import { ReclaimEscrow, type ReclaimEscrowResult } from "../types/index.js";

/** Refuses a request for no shares: the very first check, also of the pool. */
export function checkReclaimEscrow(body: ReclaimEscrow): void {
  if (body.shares === 0n) throw stakingErrors.invalidArgument();
}

/** Starts debonding of the caller's shares. Stake claims and the minimum balance are not looked at here. */
export function executeReclaimEscrow(ctx: Context, body: ReclaimEscrow): ReclaimEscrowResult {
  const params = parameters.load(ctx.state);
  const { account: escrow, shares: activeShares } = body;
  const owner = ctx.caller;
  if (isReserved(owner)) throw stakingErrors.forbidden();
  const to = getAccount(ctx.state, owner);
  const own = equalBytes(owner, escrow);
  if (!own && params.disableDelegation) throw stakingErrors.forbidden();
  const from = own ? to : getAccount(ctx.state, escrow);
  const delegation = getDelegation(ctx.state, owner, escrow);
  const debondEnd = BigInt.asUintN(64, epochInState(ctx) + params.debondingInterval);
  const debonding = { shares: 0n, debondEnd };

  const purse = { balance: redeem(from.escrow.active, delegation, activeShares) };
  const amount = purse.balance;
  const debondingShares = deposit(from.escrow.debonding, debonding, purse, amount);

  addDebonding(ctx.state, owner, escrow, debonding);
  setDelegation(ctx.state, owner, escrow, delegation);
  setAccount(ctx.state, owner, to);
  if (!own) setAccount(ctx.state, escrow, from);
  const event = { owner, escrow, amount, activeShares, debondingShares, debondEndTime: debondEnd };
  ctx.emit(debondingStarted, event);
  const remainingShares = delegation.shares;
  return { owner, escrow, amount, debondingShares, remainingShares, debondEndTime: debondEnd };
}

/** Gives shares of an active pool up; their stake is paid out when the debonding interval is over. */
export const reclaimEscrow = defineTransaction({
  method: "staking.ReclaimEscrow",
  body: ReclaimEscrow,
  invalidBody: stakingErrors.invalidArgument,
  gasOp: GAS_RECLAIM_ESCROW,
  gasCosts,
  inCheckTx: "accept",
  before: (_ctx, body) => checkReclaimEscrow(body),
  execute: executeReclaimEscrow,
});
