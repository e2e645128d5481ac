/** Views for the client API at one height (staking: queries). */
import { COMMON_POOL, FEE_ACCUMULATOR, GOVERNANCE_DEPOSITS } from "#common/address.js";
import { equalBytes } from "#common/bytes.js";
import { SortedMap } from "#common/sorted-map.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import { decodeEvent } from "../../app/events.js";
import type { AbciEvent } from "../../transaction/results.js";
import { stakingErrors } from "./errors.js";
import {
  allowanceChanged,
  burnt,
  debondingStarted,
  escrowAdded,
  escrowReclaimed,
  escrowTaken,
  type StakingEvent,
  transferred,
} from "./events.js";
import { parameters } from "./params.js";
import {
  commonPool,
  debondingDelegations,
  type DebondingEntry,
  delegationsFor,
  getAccount,
  governanceDeposits,
  lastBlockFees,
} from "./state/index.js";
import { Account, type DebondingDelegation, type DebondingDelegationInfo, type DelegationInfo } from "./types/index.js";

export {
  accountAddresses as addresses,
  commissionScheduleAddresses,
  delegationsFor,
  delegationsTo,
} from "./state/index.js";
export { exportGenesis as toGenesis } from "./genesis.js";

/** The stake that a purpose needs; staking/6 for an unknown one. */
export function threshold(state: KeyValueReader, kind: number): bigint {
  const found = parameters.load(state).thresholds.get(kind);
  if (found === undefined) throw stakingErrors.invalidThreshold();
  return found;
}

/** An account; those of the network itself are made up of its balances. */
export function account(state: KeyValueReader, address: Uint8Array): Account {
  const own = [
    [COMMON_POOL, commonPool],
    [FEE_ACCUMULATOR, lastBlockFees],
    [GOVERNANCE_DEPOSITS, governanceDeposits],
  ] as const;
  const found = own.find(([reserved]) => equalBytes(reserved, address));
  if (found === undefined) return getAccount(state, address);
  const synthetic = Account.zero();
  synthetic.general.balance = found[1].get(state);
  return synthetic;
}

/** Nonce that the next transaction of an account must have. */
export function nonceOf(state: KeyValueReader, address: Uint8Array): bigint {
  return account(state, address).general.nonce;
}

/** Outgoing delegations with the pools that their shares are of. */
export function delegationInfosFor(state: KeyValueReader, owner: Uint8Array): SortedMap<Uint8Array, DelegationInfo> {
  const out = SortedMap.bytes<DelegationInfo>();
  for (const [escrow, { shares }] of delegationsFor(state, owner)) {
    out.set(escrow, { shares, pool: getAccount(state, escrow).escrow.active });
  }
  return out;
}

function grouped(
  entries: readonly DebondingEntry[],
  by: (entry: DebondingEntry) => Uint8Array,
): SortedMap<Uint8Array, DebondingDelegation[]> {
  const out = SortedMap.bytes<DebondingDelegation[]>();
  for (const entry of entries) out.set(by(entry), [...(out.get(by(entry)) ?? []), entry.delegation]);
  return out;
}

/** Outgoing debonding delegations by escrow account. */
export function debondingDelegationsFor(
  state: KeyValueReader,
  owner: Uint8Array,
): SortedMap<Uint8Array, DebondingDelegation[]> {
  return grouped(debondingDelegations(state, owner), ({ escrow }) => escrow);
}

/** Incoming debonding delegations by delegator. */
export function debondingDelegationsTo(
  state: KeyValueReader,
  owner: Uint8Array,
): SortedMap<Uint8Array, DebondingDelegation[]> {
  const incoming = debondingDelegations(state).filter(({ escrow }) => equalBytes(escrow, owner));
  return grouped(incoming, ({ delegator }) => delegator);
}

/** Outgoing debonding delegations with the pools that their shares are of. */
export function debondingDelegationInfosFor(
  state: KeyValueReader,
  owner: Uint8Array,
): SortedMap<Uint8Array, DebondingDelegationInfo[]> {
  const out = SortedMap.bytes<DebondingDelegationInfo[]>();
  for (const [escrow, list] of debondingDelegationsFor(state, owner)) {
    const pool = getAccount(state, escrow).escrow.debonding;
    out.set(
      escrow,
      list.map((delegation) => ({ ...delegation, pool })),
    );
  }
  return out;
}

/** What a beneficiary may withdraw from an account. */
export function allowance(state: KeyValueReader, owner: Uint8Array, beneficiary: Uint8Array): bigint {
  return account(state, owner).general.allowances.get(beneficiary) ?? 0n;
}

/**
 * Reads a staking event out of a carrying event; undefined for events of others.
 * @param txHash hash of the transaction, the empty hash for events of the block itself
 */
export function event(carrier: AbciEvent, height: bigint, txHash: Uint8Array): StakingEvent | undefined {
  const escrow = {
    add: decodeEvent(escrowAdded, carrier),
    take: decodeEvent(escrowTaken, carrier),
    debondingStart: decodeEvent(debondingStarted, carrier),
    reclaim: decodeEvent(escrowReclaimed, carrier),
  };
  const found = {
    transfer: decodeEvent(transferred, carrier),
    burn: decodeEvent(burnt, carrier),
    escrow: (escrow.add ?? escrow.take ?? escrow.debondingStart ?? escrow.reclaim) === undefined ? undefined : escrow,
    allowanceChange: decodeEvent(allowanceChanged, carrier),
  };
  const any = found.transfer ?? found.burn ?? found.escrow ?? found.allowanceChange;
  return any === undefined ? undefined : { height, txHash, ...found };
}
