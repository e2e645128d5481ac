import { isReserved } from "#common/address.js";
import { equalBytes } from "#common/bytes.js";
import type { Context } from "../../../app/context.js";
import { defineTransaction } from "../../../app/define-service.js";
import { stakingErrors } from "../errors.js";
import { allowanceChanged } from "../events.js";
import { GAS_ALLOW, gasCosts, parameters } from "../params.js";
import { getAccount, setAccount, totalSupply } from "../state/index.js";
import { Allow } from "../types/index.js";

function changeAllowance(ctx: Context, { beneficiary, negative, amountChange: wanted }: Allow): void {
  const { disableTransfers, maxAllowances } = parameters.load(ctx.state);
  if (disableTransfers || maxAllowances === 0) throw stakingErrors.forbidden();
  const owner = ctx.caller;
  if (isReserved(owner) || isReserved(beneficiary)) throw stakingErrors.forbidden();
  if (equalBytes(owner, beneficiary)) throw stakingErrors.invalidArgument();
  const account = getAccount(ctx.state, owner);
  const { allowances } = account.general;
  const before = allowances.get(beneficiary) ?? 0n;
  // An allowance cannot become negative: the event tells what really changed.
  const amountChange = negative && wanted > before ? before : wanted;
  const allowance = negative ? before - amountChange : before + amountChange;
  if (allowance > totalSupply.get(ctx.state)) throw stakingErrors.allowanceGreaterThanSupply();
  if (allowance === 0n) allowances.delete(beneficiary);
  else allowances.set(beneficiary, allowance);
  if (allowances.size > maxAllowances) throw stakingErrors.tooManyAllowances();
  setAccount(ctx.state, owner, account);
  ctx.emit(allowanceChanged, { owner, beneficiary, allowance, negative, amountChange });
}

/** Raises or lowers what a beneficiary may withdraw from the signer's account. */
export const allow = defineTransaction({
  method: "staking.Allow",
  body: Allow,
  invalidBody: stakingErrors.invalidArgument,
  gasOp: GAS_ALLOW,
  gasCosts,
  inCheckTx: "accept",
  execute: changeAllowance,
});
