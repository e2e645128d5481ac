/** Movements of tokens that other services cause (staking: internal transfer, common pool, slashing, deposits). */
import { COMMON_POOL, GOVERNANCE_DEPOSITS } from "#common/address.js";
import { equalBytes } from "#common/bytes.js";
import type { Context } from "../../../app/context.js";
import { currentEpoch } from "../../../app/epoch.js";
import { stakingErrors } from "../errors.js";
import { escrowAdded, escrowTaken, transferred } from "../events.js";
import { parameters } from "../params.js";
import type { Account, SharePool } from "../types/account.js";
import { COMMISSION_RATE_DENOMINATOR, currentRate } from "../types/commission.js";
import { commonPool, getAccount, getDelegation, governanceDeposits, setAccount, setDelegation } from "./accounts.js";
import { deposit, move, type Purse } from "./share-pool.js";

/**
 * Moves tokens between accounts on behalf of another service; nothing happens for zero or the same account.
 * @throws CodedError staking/3 when the source holds less, staking/10 when either ends below the minimum balance
 */
export function transfer(ctx: Context, from: Uint8Array, to: Uint8Array, amount: bigint): void {
  if (equalBytes(from, to) || amount === 0n) return;
  const source = getAccount(ctx.state, from);
  const destination = getAccount(ctx.state, to);
  if (source.general.balance < amount) throw stakingErrors.insufficientBalance();
  move(destination.general, source.general, amount);
  const { minTransactBalance } = parameters.load(ctx.state);
  if (source.general.balance < minTransactBalance) throw stakingErrors.balanceTooLow("source account");
  if (destination.general.balance < minTransactBalance) throw stakingErrors.balanceTooLow("dest account");
  setAccount(ctx.state, from, source);
  setAccount(ctx.state, to, destination);
  ctx.emit(transferred, { from, to, amount });
}

/** Splits an amount into the commission of an account at an epoch and the rest. */
export function splitCommission(ctx: Context, account: Account, epoch: bigint, amount: bigint): [bigint, bigint] {
  const rate =
    currentRate(account.escrow.commissionSchedule, epoch) ??
    parameters.load(ctx.state).commissionScheduleRules.minCommissionRate;
  const commission = (amount * rate) / COMMISSION_RATE_DENOMINATOR;
  return [commission, amount - commission];
}

/** Escrows a commission to the account that earned it; the caller stores account and source. */
export function depositCommission(
  ctx: Context,
  address: Uint8Array,
  account: Account,
  source: Purse,
  amount: bigint,
): void {
  const own = getDelegation(ctx.state, address, address);
  const newShares = deposit(account.escrow.active, own, source, amount);
  setDelegation(ctx.state, address, address, own);
  ctx.emit(transferred, { from: COMMON_POOL, to: address, amount });
  ctx.emit(escrowAdded, { owner: address, escrow: address, amount, newShares });
}

/**
 * Pays out of the common pool, as far as it goes: to the general balance, or (escrow) as a reward of which the account
 * keeps its commission.
 * @returns whether anything was paid
 */
export function transferFromCommonPool(ctx: Context, to: Uint8Array, amount: bigint, escrow: boolean): boolean {
  const pool = { balance: commonPool.get(ctx.state) };
  const account = getAccount(ctx.state, to);
  const paid = amount < pool.balance ? amount : pool.balance;
  if (paid === 0n) return false;
  if (!escrow) {
    move(account.general, pool, paid);
    ctx.emit(transferred, { from: COMMON_POOL, to, amount: paid });
  } else {
    const active = account.escrow.active;
    let commission = paid;
    if (active.totalShares !== 0n) {
      const [kept, rest] = splitCommission(ctx, account, currentEpoch(ctx), paid);
      commission = kept;
      move(active, pool, rest);
      // The reference reports the delegators' part even when nothing is left for them.
      ctx.emit(escrowAdded, { owner: COMMON_POOL, escrow: to, amount: rest, newShares: 0n });
    }
    if (commission !== 0n) depositCommission(ctx, to, account, pool, commission);
  }
  commonPool.set(ctx.state, pool.balance);
  setAccount(ctx.state, to, account);
  return true;
}

function slashed(pool: SharePool, amount: bigint, total: bigint): bigint {
  const share = total === 0n ? 0n : (pool.balance * amount) / total;
  return share < pool.balance ? share : pool.balance;
}

/**
 * Slashes both pools of an account in proportion, up to an amount, for the benefit of the common pool.
 * @returns what was taken
 */
export function slashEscrow(ctx: Context, address: Uint8Array, amount: bigint): bigint {
  const account = getAccount(ctx.state, address);
  const { active, debonding } = account.escrow;
  const total = active.balance + debonding.balance;
  const fromActive = slashed(active, amount, total);
  const fromDebonding = slashed(debonding, amount, total);
  const taken = fromActive + fromDebonding;
  if (taken === 0n) return 0n;
  active.balance -= fromActive;
  debonding.balance -= fromDebonding;
  commonPool.set(ctx.state, commonPool.get(ctx.state) + taken);
  setAccount(ctx.state, address, account);
  ctx.emit(escrowTaken, { owner: address, amount: taken, debondingAmount: fromDebonding });
  return taken;
}

/**
 * Takes a deposit from an account on behalf of a service, which keeps it in an account of its own.
 * @throws CodedError staking/3 when the account holds less, staking/10 when it ends below the minimum balance
 */
export function takeDeposit(ctx: Context, from: Uint8Array, keeper: Uint8Array, amount: bigint): void {
  const { balance } = getAccount(ctx.state, from).general;
  if (balance < amount) throw stakingErrors.insufficientBalance();
  const { minTransactBalance } = parameters.load(ctx.state);
  if (balance - amount < minTransactBalance) throw stakingErrors.balanceTooLow("source account");
  moveDeposit(ctx, from, keeper, amount);
}

/** Pays a deposit out of the account of the service that keeps it. Minimum balances do not count: it has to be paid. */
export function payDeposit(ctx: Context, keeper: Uint8Array, to: Uint8Array, amount: bigint): void {
  moveDeposit(ctx, keeper, to, amount);
}

function moveDeposit(ctx: Context, from: Uint8Array, to: Uint8Array, amount: bigint): void {
  if (amount === 0n || equalBytes(from, to)) return;
  const [source, destination] = [getAccount(ctx.state, from), getAccount(ctx.state, to)];
  move(destination.general, source.general, amount);
  setAccount(ctx.state, from, source);
  setAccount(ctx.state, to, destination);
  ctx.emit(transferred, { from, to, amount });
}

/** Takes the deposit of a proposal; plain error when the account holds less. */
export function depositToGovernance(ctx: Context, from: Uint8Array, amount: bigint): void {
  const account = getAccount(ctx.state, from);
  const deposits = { balance: governanceDeposits.get(ctx.state) };
  move(deposits, account.general, amount);
  setAccount(ctx.state, from, account);
  governanceDeposits.set(ctx.state, deposits.balance);
  ctx.emit(transferred, { from, to: GOVERNANCE_DEPOSITS, amount });
}

/** Gives the deposit of a proposal back. */
export function returnGovernanceDeposit(ctx: Context, to: Uint8Array, amount: bigint): void {
  const account = getAccount(ctx.state, to);
  const deposits = { balance: governanceDeposits.get(ctx.state) };
  move(account.general, deposits, amount);
  setAccount(ctx.state, to, account);
  governanceDeposits.set(ctx.state, deposits.balance);
  ctx.emit(transferred, { from: GOVERNANCE_DEPOSITS, to, amount });
}

/** Moves the deposit of a rejected proposal to the common pool. */
export function discardGovernanceDeposit(ctx: Context, amount: bigint): void {
  const pool = { balance: commonPool.get(ctx.state) };
  const deposits = { balance: governanceDeposits.get(ctx.state) };
  move(pool, deposits, amount);
  governanceDeposits.set(ctx.state, deposits.balance);
  commonPool.set(ctx.state, pool.balance);
  ctx.emit(transferred, { from: GOVERNANCE_DEPOSITS, to: COMMON_POOL, amount });
}
