/** Payment of fees to proposers and voters (staking: fees). */
import { COMMON_POOL, FEE_ACCUMULATOR } from "#common/address.js";
import type { Context } from "../../../app/context.js";
import { transferred } from "../events.js";
import { feesToKeep, votersShares } from "../logic/fees.js";
import { parameters } from "../params.js";
import { commonPool, getAccount, lastBlockFees, move, type Purse, setAccount } from "../state/index.js";
import { blockFees } from "../transactions/authenticate.js";

function pay(ctx: Context, to: Uint8Array, from: Purse, amount: bigint): void {
  const account = getAccount(ctx.state, to);
  move(account.general, from, amount);
  setAccount(ctx.state, to, account);
  ctx.emit(transferred, { from: FEE_ACCUMULATOR, to, amount });
}

function payRestToCommonPool(ctx: Context, { balance }: Purse): void {
  if (balance === 0n) return;
  commonPool.set(ctx.state, commonPool.get(ctx.state) + balance);
  ctx.emit(transferred, { from: FEE_ACCUMULATOR, to: COMMON_POOL, amount: balance });
}

/** Who shares in what is left of the last block's fees; accounts, and how many validators there were. */
export interface LastCommit {
  readonly proposer: Uint8Array | undefined;
  readonly voters: readonly Uint8Array[];
  readonly validators: bigint;
}

/** Pays what was kept of the last block's fees to its voters and to the proposer of this block. */
export function disburseVoterFees(ctx: Context, { proposer, voters, validators }: LastCommit): void {
  const fees = { balance: lastBlockFees.get(ctx.state) };
  if (fees.balance === 0n) return;
  const { vote, propose } = votersShares(fees.balance, parameters.load(ctx.state), validators);
  const proposerTotal = propose * BigInt(voters.length);
  if (proposerTotal > 0n && proposer !== undefined) pay(ctx, proposer, fees, proposerTotal);
  if (vote > 0n) for (const voter of voters) pay(ctx, voter, fees, vote);
  payRestToCommonPool(ctx, fees);
}

/** Pays the proposer of this block its part of the fees and keeps the rest for the next block. */
export function disburseProposerFees(ctx: Context, proposer: Uint8Array | undefined): void {
  const fees = { balance: ctx.block.get(blockFees) };
  const kept = fees.balance === 0n ? 0n : feesToKeep(fees.balance, parameters.load(ctx.state));
  lastBlockFees.set(ctx.state, kept);
  fees.balance -= kept;
  if (proposer !== undefined && fees.balance > 0n) pay(ctx, proposer, fees, fees.balance);
  payRestToCommonPool(ctx, fees);
}
