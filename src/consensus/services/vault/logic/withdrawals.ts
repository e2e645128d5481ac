/** Limits on withdrawals (vault: withdraw hook). */
import type { AddressState, WithdrawPolicy } from "../types.js";

/** The state of an address under a new policy; a new interval starts the counting anew. */
export function withPolicy(state: AddressState, policy: WithdrawPolicy): AddressState {
  if (state.withdrawPolicy.limitInterval === policy.limitInterval) return { ...state, withdrawPolicy: policy };
  return { withdrawPolicy: policy, bucket: 0n, amount: 0n };
}

/**
 * The state after a withdrawal, or undefined when the policy forbids it. A withdrawal of nothing is always fine.
 * @param height of the block being built
 */
export function afterWithdrawal(state: AddressState, height: bigint, amount: bigint): AddressState | undefined {
  if (amount === 0n) return state;
  const { limitAmount, limitInterval } = state.withdrawPolicy;
  if (limitAmount === 0n || limitInterval === 0n) return undefined;
  const bucket = height / limitInterval;
  const total = amount + (state.bucket === bucket ? state.amount : 0n);
  return total > limitAmount ? undefined : { ...state, bucket, amount: total };
}
