/** The service's section of the genesis document (staking: genesis). */
import { addressToText, isReserved } from "#common/address.js";
import { InvalidInput } from "#common/errors/index.js";
import { SortedMap } from "#common/sorted-map.js";
import { TOKEN_EXPONENT_MAX, TOKEN_SYMBOL_MAX } from "#common/token.js";
import type { KeyValueReader, KeyValueStore } from "#mkvs/key-value.js";
import type { Context } from "../../app/context.js";
import type { GenesisCheck, GenesisHooks } from "../../app/define-service.js";
import type { RegistryGenesis } from "../registry/params.js";
import { pruneAndValidate } from "./logic/commission.js";
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
import { THRESHOLD_NODE_STORAGE } from "./types/thresholds.js";

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

function checkToken({ tokenSymbol, tokenValueExponent }: StakingGenesis, { refuse }: GenesisCheck): void {
  if (!/^[A-Z]+$/.test(tokenSymbol) || tokenSymbol.length > TOKEN_SYMBOL_MAX) {
    refuse("token_symbol", `must be 1 to ${TOKEN_SYMBOL_MAX} letters from A to Z`);
  }
  if (tokenValueExponent > TOKEN_EXPONENT_MAX) refuse("token_value_exponent", `must be at most ${TOKEN_EXPONENT_MAX}`);
}

function checkAccount(genesis: StakingGenesis, address: Uint8Array, account: Account, document: GenesisCheck): void {
  const { refuse } = document;
  const field = `ledger.${addressToText(address)}`;
  const { active, debonding, commissionSchedule } = account.escrow;
  const rules = genesis.parameters.commissionScheduleRules;
  document.attempt(`${field}.escrow.commission_schedule`, () => {
    const empty = commissionSchedule.rates.length === 0 && commissionSchedule.bounds.length === 0;
    if (!empty && rules.rateChangeInterval === 0n) throw new InvalidInput("staking.params", "no rate_change_interval");
    pruneAndValidate(commissionSchedule, rules, document.baseEpoch);
  });
  for (const [beneficiary, allowance] of account.general.allowances) {
    if (isReserved(beneficiary)) refuse(`${field}.general.allowances`, "to a reserved address");
    if (allowance > genesis.totalSupply) refuse(`${field}.general.allowances`, "above the total supply");
  }
  const pools = [
    ["active", active, sumShares(genesis.delegations.get(address))],
    ["debonding", debonding, sumShares(genesis.debondingDelegations.get(address))],
  ] as const;
  for (const [name, pool, [count, shares]] of pools) {
    if (shares !== pool.totalShares) refuse(`${field}.escrow.${name}.total_shares`, `delegations have ${shares}`);
    if (count === 0 && pool.balance !== 0n) refuse(`${field}.escrow.${name}.balance`, "there are no delegations");
  }
}

type Shares = { readonly shares: bigint } | null;

/** Number of delegations and the sum of their shares. */
function sumShares(delegators: SortedMap<Uint8Array, Shares | Shares[]> | undefined): [count: number, shares: bigint] {
  let [count, shares] = [0, 0n];
  for (const [, entry] of delegators ?? []) {
    for (const delegation of Array.isArray(entry) ? entry : [entry]) {
      count++;
      shares += delegation?.shares ?? 0n;
    }
  }
  return [count, shares];
}

function check(genesis: StakingGenesis, document: GenesisCheck): void {
  document.attempt("params", () => checkParameters(genesis.parameters, document.debug.dontBlameOasis));
  checkToken(genesis, document);
  const registry = document.section("registry") as RegistryGenesis | undefined;
  // The word is one that v26.1 does not know.
  if (genesis.parameters.thresholds.has(THRESHOLD_NODE_STORAGE) && !registry?.params.enableStorageCommittees) {
    document.refuse("params.thresholds.node-storage", "storage committees are not enabled");
  }
  for (const [address, account] of genesis.ledger.entries()) {
    if (account !== null) checkAccount(genesis, address, account, document);
  }
  for (const address of [...genesis.delegations.keys(), ...genesis.debondingDelegations.keys()]) {
    if (!genesis.ledger.has(address)) document.refuse("delegations", `${addressToText(address)} has no account`);
  }
}

export const genesis: GenesisHooks<StakingGenesis> = {
  check,
  initChain,
  toGenesis: (ctx) => exportGenesis(ctx.state),
};
