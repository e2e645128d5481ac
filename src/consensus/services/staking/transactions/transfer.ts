import { BURN_ADDRESS, isReserved } from "#common/address.js";
import { equalBytes } from "#common/bytes.js";
import type { Context } from "../../../app/context.js";
import { defineTransaction } from "../../../app/define-service.js";
import { stakingErrors } from "../errors.js";
import { transferred } from "../events.js";
import { GAS_TRANSFER, gasCosts, parameters, type StakingParameters } from "../params.js";
import { getAccount, move, setAccount } from "../state/index.js";
import { Transfer, type TransferResult } from "../types/index.js";
import { burnFrom } from "./burn.js";

function moveBetweenAccounts(ctx: Context, params: StakingParameters, from: Uint8Array, body: Transfer): void {
  const { to, amount } = body;
  if (amount < params.minTransfer) throw stakingErrors.underMinTransfer();
  const source = getAccount(ctx.state, from);
  if (equalBytes(from, to)) {
    if (source.general.balance < amount) throw stakingErrors.insufficientBalance();
  } else {
    const destination = getAccount(ctx.state, to);
    move(destination.general, source.general, amount);
    if (source.general.balance < params.minTransactBalance) throw stakingErrors.balanceTooLow("source account");
    if (destination.general.balance < params.minTransactBalance) throw stakingErrors.balanceTooLow("dest account");
    setAccount(ctx.state, to, destination);
  }
  setAccount(ctx.state, from, source);
}

/** Moves tokens of the caller; what goes to the burn address is destroyed. */
export function executeTransfer(ctx: Context, body: Transfer): TransferResult {
  const params = parameters.load(ctx.state);
  const from = ctx.caller;
  const disabled = params.disableTransfers && params.undisableTransfersFrom.get(from) !== true;
  if (isReserved(from) || disabled) throw stakingErrors.forbidden();
  if (equalBytes(body.to, BURN_ADDRESS)) burnFrom(ctx, params, from, body.amount);
  else moveBetweenAccounts(ctx, params, from, body);
  const result = { from, to: body.to, amount: body.amount };
  ctx.emit(transferred, result);
  return result;
}

/** Transfers tokens to another account. */
export const transfer = defineTransaction({
  method: "staking.Transfer",
  body: Transfer,
  invalidBody: stakingErrors.invalidArgument,
  gasOp: GAS_TRANSFER,
  gasCosts,
  inCheckTx: "accept",
  execute: executeTransfer,
});
