/** The service's section of the genesis document (staking: genesis). */
import { addressToText, isReserved } from "#common/address.js";
import { InvalidInput } from "#common/errors/index.js";
import { SortedMap } from "#common/sorted-map.js";
import type { KeyValueReader, KeyValueStore } from "#mkvs/key-value.js";
import type { Context } from "../../app/context.js";
import type { GenesisHooks } from "../../app/define-service.js";
import { checkParameters, parameters } from "./params.js";
import {
  accountAddresses,
  addDebonding,
  allDelegations,
  commonPool,
  debondingDelegations,
  getAccount,
  governanceDeposits,
  lastBlockFees,
  setAccount,
  setDelegation,
  totalSupply,
} from "./state/index.js";
import {
  type Account,
  type DebondingDelegation,
  type Delegation,
  StakeAccumulator,
  StakingGenesis,
} from "./types/index.js";

function refuse(field: string, reason: string): never {
  throw new InvalidInput(`staking.${field}`, reason);
}

function checkAddress(field: string, address: Uint8Array): void {
  if (isReserved(address)) refuse(field, `${addressToText(address)} is reserved`);
}

/** Stores the accounts and returns the sum of their balances. */
function initLedger(state: KeyValueStore, ledger: StakingGenesis["ledger"]): bigint {
  let sum = 0n;
  for (const [address, account] of ledger.entries()) {
    checkAddress("ledger", address);
    if (account === null) refuse("ledger", `${addressToText(address)} is null`);
    if (account.escrow.stakeAccumulator.claims.size > 0) refuse("ledger", `${addressToText(address)} has stake claims`);
    sum += account.general.balance + account.escrow.active.balance + account.escrow.debonding.balance;
    setAccount(state, address, account);
  }
  return sum;
}

function checkShares(field: string, escrow: Uint8Array, total: bigint, sum: bigint): void {
  if (total !== sum) refuse(field, `shares of ${addressToText(escrow)} are ${total}, delegations have ${sum}`);
}

function initDelegations(state: KeyValueStore, genesis: StakingGenesis): void {
  for (const [escrow, delegations] of genesis.delegations.entries()) {
    checkAddress("delegations", escrow);
    let sum = 0n;
    for (const [delegator, delegation] of delegations.entries()) {
      checkAddress("delegations", delegator);
      if (delegation === null) refuse("delegations", `one to ${addressToText(escrow)} is null`);
      sum += delegation.shares;
      setDelegation(state, delegator, escrow, delegation);
    }
    checkShares("delegations", escrow, getAccount(state, escrow).escrow.active.totalShares, sum);
  }
  for (const [escrow, delegators] of genesis.debondingDelegations.entries()) {
    checkAddress("debonding_delegations", escrow);
    let sum = 0n;
    for (const [delegator, delegations] of delegators.entries()) {
      checkAddress("debonding_delegations", delegator);
      for (const delegation of delegations) {
        if (delegation === null) refuse("debonding_delegations", `one to ${addressToText(escrow)} is null`);
        sum += delegation.shares;
        addDebonding(state, delegator, escrow, delegation);
      }
    }
    checkShares("debonding_delegations", escrow, getAccount(state, escrow).escrow.debonding.totalShares, sum);
  }
}

function initChain(ctx: Context, genesis: StakingGenesis): void {
  const { state } = ctx;
  checkParameters(genesis.parameters, ctx.env.debug.dontBlameOasis);
  parameters.set(state, genesis.parameters);
  // Fees of a block before genesis have nobody left to go to.
  const pool = genesis.commonPool + genesis.lastBlockFees;
  governanceDeposits.set(state, genesis.governanceDeposits);
  const supply = pool + genesis.governanceDeposits + initLedger(state, genesis.ledger);
  if (supply !== genesis.totalSupply) refuse("total_supply", `is ${genesis.totalSupply}, balances add up to ${supply}`);
  commonPool.set(state, pool);
  totalSupply.set(state, supply);
  initDelegations(state, genesis);
}

/** Entries of a map of maps; made when missing. */
function inner<V>(outer: SortedMap<Uint8Array, SortedMap<Uint8Array, V>>, key: Uint8Array): SortedMap<Uint8Array, V> {
  const found = outer.get(key) ?? SortedMap.bytes<V>();
  outer.set(key, found);
  return found;
}

/** The section that starts a chain with the same balances; stake claims are made anew by the services they are for. */
export function exportGenesis(state: KeyValueReader): StakingGenesis {
  const ledger = SortedMap.bytes<Account | null>();
  for (const address of accountAddresses(state)) {
    const account = getAccount(state, address);
    account.escrow.stakeAccumulator = StakeAccumulator.zero();
    ledger.set(address, account);
  }
  const delegations = SortedMap.bytes<SortedMap<Uint8Array, Delegation | null>>();
  for (const [escrow, delegator, delegation] of allDelegations(state)) {
    inner(delegations, escrow).set(delegator, delegation);
  }
  const debonding = SortedMap.bytes<SortedMap<Uint8Array, (DebondingDelegation | null)[]>>();
  for (const { delegator, escrow, delegation } of debondingDelegations(state)) {
    const list = inner(debonding, escrow);
    list.set(delegator, [...(list.get(delegator) ?? []), delegation]);
  }
  return {
    ...StakingGenesis.zero(),
    parameters: parameters.load(state),
    totalSupply: totalSupply.get(state),
    commonPool: commonPool.get(state),
    lastBlockFees: lastBlockFees.get(state),
    governanceDeposits: governanceDeposits.get(state),
    ledger,
    delegations,
    debondingDelegations: debonding,
  };
}

export const genesis: GenesisHooks<StakingGenesis> = { initChain, toGenesis: (ctx) => exportGenesis(ctx.state) };
