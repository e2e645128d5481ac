import { isReserved } from "#common/address.js";
import { equalBytes } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import type { Context } from "../../../app/context.js";
import { defineTransaction } from "../../../app/define-service.js";
import { stakingErrors } from "../errors.js";
import { allowanceChanged, transferred } from "../events.js";
import { GAS_WITHDRAW, gasCosts, parameters, type StakingParameters } from "../params.js";
import { getAccount, move, setAccount } from "../state/index.js";
import { type Account, HOOK_WITHDRAW, Withdraw, withdrawHook, type WithdrawResult } from "../types/index.js";

/** Asks the hook of the source account or uses the caller's allowance up; returns what is left of the allowance. */
function authorize(ctx: Context, source: Account, { from, amount }: Withdraw): bigint {
  const to = ctx.caller;
  const destination = source.general.hooks.get(HOOK_WITHDRAW);
  if (destination !== undefined) {
    try {
      ctx.publish(withdrawHook, { destination, from, to, amount });
    } catch (error) {
      if (error instanceof CodedError) throw stakingErrors.forbidden(`hook invocation failed: ${error.message}`);
      throw error;
    }
    return 0n;
  }
  const { allowances } = source.general;
  const allowance = allowances.get(to);
  if (allowance === undefined || allowance < amount) throw stakingErrors.forbidden();
  if (allowance === amount) allowances.delete(to);
  else allowances.set(to, allowance - amount);
  return allowance - amount;
}

function withdrawTo(ctx: Context, params: StakingParameters, body: Withdraw): WithdrawResult {
  const { from, amount } = body;
  const to = ctx.caller;
  const source = getAccount(ctx.state, from);
  const allowance = authorize(ctx, source, body);
  const destination = getAccount(ctx.state, to);
  if (source.general.balance < amount) throw stakingErrors.insufficientBalance();
  move(destination.general, source.general, amount);
  if (source.general.balance < params.minTransactBalance) throw stakingErrors.balanceTooLow("source account");
  if (destination.general.balance < params.minTransactBalance) throw stakingErrors.balanceTooLow("dest account");
  setAccount(ctx.state, to, destination);
  setAccount(ctx.state, from, source);
  ctx.emit(transferred, { from, to, amount });
  ctx.emit(allowanceChanged, { owner: from, beneficiary: to, allowance, negative: true, amountChange: amount });
  return { owner: from, beneficiary: to, allowance, amountChange: amount };
}

/** Moves tokens of another account to the caller, as far as allowed. */
export function executeWithdraw(ctx: Context, body: Withdraw): WithdrawResult {
  const params = parameters.load(ctx.state);
  if (body.amount < params.minTransfer) throw stakingErrors.underMinTransfer();
  if (params.disableTransfers || params.maxAllowances === 0) throw stakingErrors.forbidden();
  if (isReserved(ctx.caller) || isReserved(body.from)) throw stakingErrors.forbidden();
  if (equalBytes(ctx.caller, body.from)) throw stakingErrors.invalidArgument();
  // The hook may have written before a later check fails.
  return ctx.transaction((child) => withdrawTo(child, params, body));
}

/** Takes tokens out of another's account: by allowance, or as its hook decides. */
export const withdraw = defineTransaction({
  method: "staking.Withdraw",
  body: Withdraw,
  invalidBody: stakingErrors.invalidArgument,
  gasOp: GAS_WITHDRAW,
  gasCosts,
  inCheckTx: "accept",
  execute: executeWithdraw,
});
