/** Stake claims: what an account's active stake has to cover (staking: stake claims). */
import { unknown } from "#common/errors/index.js";
import { SortedMap } from "#common/sorted-map.js";
import type { Context } from "../../../app/context.js";
import { stakingErrors } from "../errors.js";
import { parameters, type StakingParameters } from "../params.js";
import type { Account, EscrowAccount, StakeThreshold } from "../types/account.js";
import { getAccount, setAccount } from "./accounts.js";

type Thresholds = StakingParameters["thresholds"];

function thresholdValue(threshold: StakeThreshold, thresholds: Thresholds): bigint {
  // A global threshold that is not in the parameters demands nothing.
  if (threshold.global !== undefined) return thresholds.get(threshold.global) ?? 0n;
  if (threshold.constant !== undefined) return threshold.constant;
  throw unknown("invalid claim threshold");
}

/** The sum of all claims of an escrow account but, if given, one. */
export function totalClaims(escrow: EscrowAccount, thresholds: Thresholds, except?: string): bigint {
  let total = 0n;
  for (const [claim, list] of escrow.stakeAccumulator.claims.entries()) {
    if (claim === except) continue;
    for (const threshold of list ?? []) total += thresholdValue(threshold, thresholds);
  }
  return total;
}

/** Throws staking/4 when the active stake does not cover the claims. */
export function checkEscrowClaims(escrow: EscrowAccount, thresholds: Thresholds): void {
  if (escrow.active.balance < totalClaims(escrow, thresholds)) throw stakingErrors.insufficientStake();
}

/**
 * Accounts whose claims are being looked at or changed; thresholds are those of the state at its making. `commit`
 * writes back every account that was touched, so it must not overwrite other changes of these accounts.
 */
export class StakeClaims {
  private accounts = SortedMap.bytes<Account>();
  private readonly thresholds: Thresholds;

  constructor(private readonly ctx: Context) {
    this.thresholds = parameters.load(ctx.state).thresholds;
  }

  private account(address: Uint8Array): Account {
    let account = this.accounts.get(address);
    if (account === undefined) {
      account = getAccount(this.ctx.state, address);
      this.accounts.set(address, account);
    }
    return account;
  }

  /** Throws staking/4 when the stake of an account does not cover its claims. */
  check(address: Uint8Array): void {
    checkEscrowClaims(this.account(address).escrow, this.thresholds);
  }

  /** Adds or replaces a claim; staking/4 when the stake does not cover it together with all others. */
  add(address: Uint8Array, claim: string, thresholds: readonly StakeThreshold[]): void {
    const { escrow } = this.account(address);
    let total = totalClaims(escrow, this.thresholds, claim);
    for (const threshold of thresholds) total += thresholdValue(threshold, this.thresholds);
    if (escrow.active.balance < total) throw stakingErrors.insufficientStake();
    // A claim of nothing is stored as null, as the reference has it.
    escrow.stakeAccumulator.claims.set(claim, thresholds.length === 0 ? null : [...thresholds]);
  }

  /** Removes a claim; a plain error when there is none of this name. */
  remove(address: Uint8Array, claim: string): void {
    if (!this.account(address).escrow.stakeAccumulator.claims.delete(claim)) {
      throw unknown(`claim does not exist: ${claim}`);
    }
  }

  /** Active stake of an account. */
  escrowBalance(address: Uint8Array): bigint {
    return this.account(address).escrow.active.balance;
  }

  commit(): void {
    for (const [address, account] of this.accounts.entries()) setAccount(this.ctx.state, address, account);
  }

  /** Forgets what is not committed; accounts are read anew afterwards. */
  discard(): void {
    this.accounts = SortedMap.bytes<Account>();
  }
}

/** Adds one claim and stores it. */
export function addStakeClaim(
  ctx: Context,
  address: Uint8Array,
  claim: string,
  thresholds: readonly StakeThreshold[],
): void {
  const claims = new StakeClaims(ctx);
  claims.add(address, claim, thresholds);
  claims.commit();
}

/** Removes one claim and stores that. */
export function removeStakeClaim(ctx: Context, address: Uint8Array, claim: string): void {
  const claims = new StakeClaims(ctx);
  claims.remove(address, claim);
  claims.commit();
}

/** Throws staking/4 when the stake of an account does not cover its claims. */
export function checkStakeClaims(ctx: Context, address: Uint8Array): void {
  new StakeClaims(ctx).check(address);
}
