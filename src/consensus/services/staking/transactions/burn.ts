import { isReserved } from "#common/address.js";
import type { Context } from "../../../app/context.js";
import { defineTransaction } from "../../../app/define-service.js";
import { stakingErrors } from "../errors.js";
import { burnt } from "../events.js";
import { GAS_BURN, gasCosts, parameters, type StakingParameters } from "../params.js";
import { getAccount, setAccount, take, totalSupply } from "../state/index.js";
import { Burn } from "../types/index.js";

/** Destroys tokens of an account. */
export function burnFrom(ctx: Context, params: StakingParameters, owner: Uint8Array, amount: bigint): void {
  if (amount < params.minTransfer) throw stakingErrors.underMinTransfer();
  const account = getAccount(ctx.state, owner);
  take(account.general, amount);
  if (account.general.balance < params.minTransactBalance) throw stakingErrors.balanceTooLow();
  setAccount(ctx.state, owner, account);
  const supply = totalSupply.get(ctx.state);
  // The reference ignores a supply that is too small, which cannot happen anyway.
  totalSupply.set(ctx.state, supply < amount ? supply : supply - amount);
  ctx.emit(burnt, { owner, amount });
}

/** Destroys tokens of the signer. */
export const burn = defineTransaction({
  method: "staking.Burn",
  body: Burn,
  invalidBody: stakingErrors.invalidArgument,
  gasOp: GAS_BURN,
  gasCosts,
  inCheckTx: "accept",
  execute(ctx, body) {
    if (isReserved(ctx.caller)) throw stakingErrors.forbidden();
    burnFrom(ctx, parameters.load(ctx.state), ctx.caller, body.amount);
  },
});
