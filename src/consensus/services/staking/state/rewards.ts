/** Rewards out of the common pool (staking: rewards). */
import { COMMON_POOL } from "#common/address.js";
import { Fault } from "#common/errors/index.js";
import type { Context } from "../../../app/context.js";
import { escrowAdded } from "../events.js";
import { parameters, REWARD_DENOMINATOR } from "../params.js";
import { commonPool, getAccount, setAccount } from "./accounts.js";
import { move, type Purse } from "./share-pool.js";
import { depositCommission, splitCommission } from "./transfers.js";

/** The part of the full reward that is paid in an epoch; undefined when rewards have ended. */
function rewardScale(ctx: Context, epoch: bigint): bigint | undefined {
  return parameters.load(ctx.state).rewardSchedule.find((step) => epoch < step.until)?.scale;
}

/** Rewards one account; returns whether the pool sufficed and there was anything to pay. */
function rewardAccount(
  ctx: Context,
  pool: Purse,
  epoch: bigint,
  address: Uint8Array,
  of: (stake: bigint) => bigint,
): boolean {
  const account = getAccount(ctx.state, address);
  const reward = of(account.escrow.active.balance);
  if (reward === 0n || reward > pool.balance) return false;
  const [commission, rest] = splitCommission(ctx, account, epoch, reward);
  if (rest !== 0n) {
    move(account.escrow.active, pool, rest);
    ctx.emit(escrowAdded, { owner: COMMON_POOL, escrow: address, amount: rest, newShares: 0n });
  }
  // Delegators first: the commission buys shares at the price that already includes their part.
  if (commission !== 0n) depositCommission(ctx, address, account, pool, commission);
  setAccount(ctx.state, address, account);
  return true;
}

/**
 * Rewards accounts in the given order for an epoch; who comes when the common pool no longer suffices gets nothing.
 * @param factor reward for one unit of stake, over REWARD_DENOMINATOR at full scale
 */
export function addRewards(ctx: Context, epoch: bigint, factor: bigint, addresses: readonly Uint8Array[]): void {
  const scale = rewardScale(ctx, epoch);
  if (scale === undefined) return;
  const pool = { balance: commonPool.get(ctx.state) };
  for (const address of addresses) {
    rewardAccount(ctx, pool, epoch, address, (stake) => (stake * factor * scale) / REWARD_DENOMINATOR);
  }
  commonPool.set(ctx.state, pool.balance);
}

/**
 * Rewards one account with `numerator / denominator` of what `addRewards` would give.
 * @throws Fault when the denominator is zero, where the reference stops too
 */
export function addAttenuatedReward(
  ctx: Context,
  epoch: bigint,
  factor: bigint,
  [numerator, denominator]: readonly [bigint, bigint],
  address: Uint8Array,
): void {
  const scale = rewardScale(ctx, epoch);
  if (scale === undefined) return;
  if (denominator === 0n) throw new Fault("a reward cannot be attenuated by no validators");
  const pool = { balance: commonPool.get(ctx.state) };
  const of = (stake: bigint): bigint => (stake * factor * scale * numerator) / REWARD_DENOMINATOR / denominator;
  if (rewardAccount(ctx, pool, epoch, address, of)) commonPool.set(ctx.state, pool.balance);
}
