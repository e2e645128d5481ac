import { defineErrors } from "#common/errors/index.js";

export const MODULE = "staking";

/** Codespace `staking`. */
export const stakingErrors = defineErrors(MODULE, {
  invalidArgument: [1, "staking: invalid argument"],
  invalidSignature: [2, "staking: invalid signature"],
  insufficientBalance: [3, "staking: insufficient balance"],
  insufficientStake: [4, "staking: insufficient stake"],
  forbidden: [5, "staking: forbidden by policy"],
  invalidThreshold: [6, "staking: invalid threshold"],
  tooManyAllowances: [7, "staking: too many allowances"],
  underMinDelegation: [8, "staking: amount is lower than the minimum delegation amount"],
  underMinTransfer: [9, "staking: amount is lower than the minimum transfer amount"],
  balanceTooLow: [10, "staking: balance too low"],
  allowanceGreaterThanSupply: [11, "staking: allowance greater than total supply"],
});
