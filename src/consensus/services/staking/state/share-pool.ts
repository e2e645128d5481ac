/** Arithmetic of share pools (staking: share pools). All divisions round down, in favour of the pool. */
import { unknown } from "#common/errors/index.js";
import { stakingErrors } from "../errors.js";
import type { SharePool } from "../types/account.js";

/** Where a deposit's stake comes from or a withdrawal's goes to: the balance of anything. */
export interface Purse {
  balance: bigint;
}

/** What shares are counted on. */
export interface ShareHolder {
  shares: bigint;
}

/**
 * Takes an amount out of a purse.
 * @throws CodedError unknown/1 when it holds less
 */
export function take(purse: Purse, amount: bigint): void {
  if (purse.balance < amount) throw unknown("insufficient balance");
  purse.balance -= amount;
}

/**
 * Moves an amount from one purse to another.
 * @throws CodedError unknown/1 when the source holds less
 */
export function move(to: Purse, from: Purse, amount: bigint): void {
  take(from, amount);
  to.balance += amount;
}

/** Shares that an amount buys; staking/1 when the pool has shares but no stake. */
export function sharesForStake(pool: SharePool, amount: bigint): bigint {
  if (pool.totalShares === 0n) return amount;
  if (pool.balance === 0n) throw stakingErrors.invalidArgument();
  return (amount * pool.totalShares) / pool.balance;
}

/** Stake that shares are worth. */
export function stakeForShares(pool: SharePool, shares: bigint): bigint {
  if (shares === 0n || pool.balance === 0n || pool.totalShares === 0n) return 0n;
  return (shares * pool.balance) / pool.totalShares;
}

/** Moves stake into a pool and returns the shares obtained. */
export function deposit(pool: SharePool, holder: ShareHolder, source: Purse, amount: bigint): bigint {
  const shares = sharesForStake(pool, amount);
  move(pool, source, amount);
  pool.totalShares += shares;
  holder.shares += shares;
  return shares;
}

/** Gives shares up and returns the stake taken out of the pool. */
export function redeem(pool: SharePool, holder: ShareHolder, shares: bigint): bigint {
  const amount = stakeForShares(pool, shares);
  if (holder.shares < shares) throw unknown("insufficient balance");
  holder.shares -= shares;
  if (pool.totalShares < shares) throw unknown("insufficient balance");
  pool.totalShares -= shares;
  take(pool, amount);
  return amount;
}
