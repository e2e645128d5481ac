/** The ledger: accounts, delegations and balances of the network itself (staking: state keys). */
import { addressToText, isReserved } from "#common/address.js";
import { unknown } from "#common/errors/index.js";
import { Quantity } from "#common/quantity.js";
import { SortedMap } from "#common/sorted-map.js";
import type { KeyValueReader, KeyValueStore } from "#mkvs/key-value.js";
import { addressPart, cell, copiedTable, keySet, table, u64Part } from "../../../app/table.js";
import { Account, copyAccount, DebondingDelegation, Delegation, EpochSigning } from "../types/account.js";

const accounts = copiedTable(0x50, [addressPart], Account, copyAccount);
const totalSupplyCell = cell(0x51, Quantity);
const commonPoolCell = cell(0x52, Quantity);
/** Escrow account, delegator. */
const delegations = table(0x53, [addressPart, addressPart], Delegation);
/** Delegator, escrow account, epoch of the end. */
const debondings = table(0x54, [addressPart, addressPart, u64Part], DebondingDelegation);
/** Epoch, delegator, escrow account. */
const debondingQueue = keySet(0x55, [u64Part, addressPart, addressPart]);
const lastBlockFeesCell = cell(0x57, Quantity);
const epochSigningCell = cell(0x58, EpochSigning);
const governanceDepositsCell = cell(0x59, Quantity);
/** Delegator, escrow account: the same delegations the other way round. */
const delegationsByDelegator = table(0x5a, [addressPart, addressPart], Delegation);
const commissionSchedules = keySet(0x5b, [addressPart]);

/**
 * An account; an empty one when the ledger has none. Every call returns an object of its own.
 * @throws CodedError unknown/1 for a reserved address
 */
export function getAccount(state: KeyValueReader, address: Uint8Array): Account {
  if (isReserved(address)) throw unknown(`invalid account address: ${addressToText(address)}`);
  return accounts.get(state, address) ?? Account.zero();
}

/** Stores an account and keeps the index of commission schedules. */
export function setAccount(state: KeyValueStore, address: Uint8Array, account: Account): void {
  accounts.set(state, [address], account);
  const schedule = account.escrow.commissionSchedule;
  if (schedule.rates.length > 0 || schedule.bounds.length > 0) commissionSchedules.set(state, [address], true);
  else if (commissionSchedules.has(state, address)) commissionSchedules.remove(state, address);
}

/** Addresses in the ledger, in order. */
export function accountAddresses(state: KeyValueReader): Uint8Array[] {
  return accounts.entries(state).map(([[address]]) => address);
}

/** Addresses with a commission schedule, in order. */
export function commissionScheduleAddresses(state: KeyValueReader): Uint8Array[] {
  return commissionSchedules.entries(state).map(([[address]]) => address);
}

/** Names the module that answers a hook of an account. */
export function setAccountHook(state: KeyValueStore, address: Uint8Array, hook: number, module: string): void {
  const account = getAccount(state, address);
  account.general.hooks.set(hook, { module });
  setAccount(state, address, account);
}

/** A balance of the network itself; zero until it is first written. */
export interface Balance {
  get(state: KeyValueReader): bigint;
  set(state: KeyValueStore, amount: bigint): void;
}

function balance(of: typeof totalSupplyCell): Balance {
  return { get: (state) => of.get(state) ?? 0n, set: (state, amount) => of.set(state, amount) };
}

export const totalSupply = balance(totalSupplyCell);
export const commonPool = balance(commonPoolCell);
/** What is left of the fees of the last block for its voters and the next proposer. */
export const lastBlockFees = balance(lastBlockFeesCell);
export const governanceDeposits = balance(governanceDepositsCell);

/** A delegation; one of no shares when there is none. */
export function getDelegation(state: KeyValueReader, delegator: Uint8Array, escrow: Uint8Array): Delegation {
  return delegations.get(state, escrow, delegator) ?? Delegation.zero();
}

/** Stores a delegation both ways round; one of no shares is removed. */
export function setDelegation(state: KeyValueStore, delegator: Uint8Array, escrow: Uint8Array, d: Delegation): void {
  if (d.shares === 0n) {
    delegations.remove(state, escrow, delegator);
    delegationsByDelegator.remove(state, delegator, escrow);
    return;
  }
  delegations.set(state, [escrow, delegator], d);
  delegationsByDelegator.set(state, [delegator, escrow], d);
}

/** Delegations by their escrow account. */
export function delegationsFor(state: KeyValueReader, delegator: Uint8Array): SortedMap<Uint8Array, Delegation> {
  const out = SortedMap.bytes<Delegation>();
  for (const [[, escrow], d] of delegationsByDelegator.entries(state, delegator)) out.set(escrow, d);
  return out;
}

/** Delegations to an escrow account by their delegator. */
export function delegationsTo(state: KeyValueReader, escrow: Uint8Array): SortedMap<Uint8Array, Delegation> {
  const out = SortedMap.bytes<Delegation>();
  for (const [[, delegator], d] of delegations.entries(state, escrow)) out.set(delegator, d);
  return out;
}

/** All delegations: escrow account, delegator, delegation. */
export function allDelegations(state: KeyValueReader): [Uint8Array, Uint8Array, Delegation][] {
  return delegations.entries(state).map(([[escrow, delegator], d]) => [escrow, delegator, d]);
}

/** Adds to what a delegator gets back from an escrow account at an epoch. */
export function addDebonding(
  state: KeyValueStore,
  delegator: Uint8Array,
  escrow: Uint8Array,
  d: DebondingDelegation,
): void {
  const shares = d.shares + (debondings.get(state, delegator, escrow, d.debondEnd)?.shares ?? 0n);
  debondingQueue.set(state, [d.debondEnd, delegator, escrow], true);
  debondings.set(state, [delegator, escrow, d.debondEnd], { shares, debondEnd: d.debondEnd });
}

/** Removes an entry of the debonding queue and the delegation it stands for. */
export function removeDebonding(state: KeyValueStore, delegator: Uint8Array, escrow: Uint8Array, epoch: bigint): void {
  debondingQueue.remove(state, epoch, delegator, escrow);
  debondings.remove(state, delegator, escrow, epoch);
}

/** A debonding delegation with its place in the state. */
export interface DebondingEntry {
  readonly delegator: Uint8Array;
  readonly escrow: Uint8Array;
  readonly epoch: bigint;
  readonly delegation: DebondingDelegation;
}

/** What has to be paid out by an epoch, in order of epoch, delegator and escrow account. */
export function expiredDebondings(state: KeyValueReader, now: bigint): DebondingEntry[] {
  const due: DebondingEntry[] = [];
  debondingQueue.scan(state, Uint8Array.of(debondingQueue.prefix), ([epoch, delegator, escrow]) => {
    if (epoch > now) return false;
    const delegation = debondings.get(state, delegator, escrow, epoch) ?? DebondingDelegation.zero();
    due.push({ delegator, escrow, epoch, delegation });
    return true;
  });
  return due;
}

/** Debonding delegations in order of delegator, escrow account and epoch; of one delegator if given. */
export function debondingDelegations(state: KeyValueReader, ...owner: [] | [Uint8Array]): DebondingEntry[] {
  const entries = owner.length === 0 ? debondings.entries(state) : debondings.entries(state, ...owner);
  return entries.map(([[delegator, escrow, epoch], delegation]) => ({ delegator, escrow, epoch, delegation }));
}

/** Counts of the running epoch. */
export function getEpochSigning(state: KeyValueReader): EpochSigning {
  return epochSigningCell.get(state) ?? { total: 0n, byEntity: SortedMap.bytes<bigint>() };
}

export function setEpochSigning(state: KeyValueStore, signing: EpochSigning): void {
  epochSigningCell.set(state, signing);
}

/** Forgets the counts, at the end of an epoch. */
export function clearEpochSigning(state: KeyValueStore): void {
  epochSigningCell.remove(state);
}
