/** Accounts of the ledger and what belongs to them (staking: types). */
import { Address } from "#common/address.js";
import { PublicKey } from "#common/crypto/keys.js";
import { deepFreeze } from "#common/freeze.js";
import { FRAME_BYTES, FRAME_ELEMENTS } from "#common/limits.js";
import { Quantity } from "#common/quantity.js";
import { list, map, named, nullable, omitEmpty, optional, struct, text, u64, u8 } from "#common/schema/index.js";
import type { SortedMap } from "#common/sorted-map.js";
import { CommissionSchedule } from "./commission.js";
import { ThresholdKind } from "./thresholds.js";

/** A balance that many own by shares; rounding always favours the pool. */
export class SharePool extends struct("SharePool", {
  balance: omitEmpty(Quantity),
  totalShares: omitEmpty(Quantity),
}) {}

/** An amount of stake that must be there: a global threshold or a constant. */
export class StakeThreshold extends struct("StakeThreshold", {
  global: optional(ThresholdKind),
  constant: named("const", optional(Quantity)),
}) {}

/** A threshold named in the parameters. */
export function globalThreshold(kind: ThresholdKind): StakeThreshold {
  return { global: kind };
}

/** A threshold of a fixed amount. */
export function constantThreshold(amount: bigint): StakeThreshold {
  return { constant: amount };
}

/** What an account's active stake must cover, by the name of the claim; the order within a claim is kept. */
export class StakeAccumulator extends struct("StakeAccumulator", {
  claims: omitEmpty(
    map(text({ max: FRAME_BYTES }), nullable(list(StakeThreshold, { max: FRAME_ELEMENTS })), { max: FRAME_ELEMENTS }),
  ),
}) {}

/** The hook that decides on withdrawals. */
export const HOOK_WITHDRAW = 1;

/** The module that answers a hook. */
export class HookDestination extends struct("HookDestination", { module: text({ max: 256 }) }) {}

export class GeneralAccount extends struct("GeneralAccount", {
  balance: omitEmpty(Quantity),
  nonce: omitEmpty(u64),
  allowances: omitEmpty(map(Address, Quantity, { max: FRAME_ELEMENTS })),
  hooks: omitEmpty(map(u8, HookDestination, { max: 256 })),
}) {}

export class EscrowAccount extends struct("EscrowAccount", {
  active: omitEmpty(SharePool),
  debonding: omitEmpty(SharePool),
  commissionSchedule: omitEmpty(CommissionSchedule),
  stakeAccumulator: omitEmpty(StakeAccumulator),
}) {}

/** An entry of the ledger. */
export class Account extends struct("Account", {
  general: omitEmpty(GeneralAccount),
  escrow: omitEmpty(EscrowAccount),
}) {}

/** An account that can be changed without changing the original; what both share is frozen. */
export function copyAccount({ general, escrow }: Account): Account {
  const { active, debonding, commissionSchedule, stakeAccumulator } = escrow;
  return {
    general: { ...general, allowances: general.allowances.clone(), hooks: copyMap(general.hooks) },
    escrow: {
      active: { ...active },
      debonding: { ...debonding },
      commissionSchedule: {
        rates: commissionSchedule.rates.map(deepFreeze),
        bounds: commissionSchedule.bounds.map(deepFreeze),
      },
      stakeAccumulator: { claims: copyMap(stakeAccumulator.claims) },
    },
  };
}

function copyMap<K, V>(map: SortedMap<K, V>): SortedMap<K, V> {
  if (map.size > 0) for (const item of map.values()) deepFreeze(item);
  return map.clone();
}

/** Shares of an escrow account's active pool. */
export class Delegation extends struct("Delegation", { shares: Quantity }) {}

/** A delegation with the pool that its shares are of. */
export class DelegationInfo extends struct("DelegationInfo", { shares: Quantity, pool: SharePool }) {}

/** Shares of an escrow account's debonding pool, to be paid out at an epoch. */
export class DebondingDelegation extends struct("DebondingDelegation", { shares: Quantity, debondEnd: u64 }) {}

/** A debonding delegation with the pool that its shares are of. */
export class DebondingDelegationInfo extends struct("DebondingDelegationInfo", {
  shares: Quantity,
  debondEnd: u64,
  pool: SharePool,
}) {}

/** Blocks of the running epoch, and how many of them each entity signed. */
export class EpochSigning extends struct("EpochSigning", {
  total: named("Total", u64),
  byEntity: named("ByEntity", nullable(map(PublicKey, u64, { max: FRAME_ELEMENTS }))),
}) {}
