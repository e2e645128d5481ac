import { follow, type Handlers } from "#common/rpc/index.js";
import { parameters } from "#consensus/services/staking/params.js";
import * as queries from "#consensus/services/staking/queries.js";
import type { stakingMethods } from "#consensus/services/staking/rpc.js";
import { commonPool, governanceDeposits, lastBlockFees, totalSupply } from "#consensus/services/staking/state/index.js";
import type { StakingGenesis } from "#consensus/services/staking/types/index.js";
import { type ChainView, readEvents } from "./chain-view.js";
import { orNull } from "./or-null.js";

/** Symbol of the token: a parameter, or else what the genesis document says. */
function tokenSymbol(view: ChainView, height: bigint): string {
  return parameters.load(view.state(height)).tokenSymbol || view.genesis.staking.tokenSymbol;
}

/** Decimal places of the token: a parameter, or else what the genesis document says. */
function tokenValueExponent(view: ChainView, height: bigint): number {
  return parameters.load(view.state(height)).tokenValueExponent || view.genesis.staking.tokenValueExponent;
}

/** The section that starts a chain with the same balances (0 = latest). */
export function stakingGenesis(view: ChainView, height: bigint): StakingGenesis {
  return {
    ...queries.toGenesis(view.state(height)),
    tokenSymbol: tokenSymbol(view, height),
    tokenValueExponent: tokenValueExponent(view, height),
  };
}

/** Methods of staking. */
export function stakingHandlers(view: ChainView): Handlers<(typeof stakingMethods)["methods"]> {
  return {
    TokenSymbol: (height) => tokenSymbol(view, height),
    TokenValueExponent: (height) => tokenValueExponent(view, height),
    TotalSupply: (height) => totalSupply.get(view.state(height)),
    CommonPool: (height) => commonPool.get(view.state(height)),
    LastBlockFees: (height) => lastBlockFees.get(view.state(height)),
    GovernanceDeposits: (height) => governanceDeposits.get(view.state(height)),
    Threshold: ({ height, kind }) => queries.threshold(view.state(height), kind),
    Addresses: (height) => orNull(queries.addresses(view.state(height))),
    CommissionScheduleAddresses: (height) => orNull(queries.commissionScheduleAddresses(view.state(height))),
    Account: ({ height, owner }) => queries.account(view.state(height), owner),
    DelegationsFor: ({ height, owner }) => queries.delegationsFor(view.state(height), owner),
    DelegationInfosFor: ({ height, owner }) => queries.delegationInfosFor(view.state(height), owner),
    DelegationsTo: ({ height, owner }) => queries.delegationsTo(view.state(height), owner),
    DebondingDelegationsFor: ({ height, owner }) => queries.debondingDelegationsFor(view.state(height), owner),
    DebondingDelegationInfosFor: ({ height, owner }) => queries.debondingDelegationInfosFor(view.state(height), owner),
    DebondingDelegationsTo: ({ height, owner }) => queries.debondingDelegationsTo(view.state(height), owner),
    Allowance: ({ height, owner, beneficiary }) => queries.allowance(view.state(height), owner, beneficiary),
    StateToGenesis: (height) => stakingGenesis(view, height),
    ConsensusParameters: (height) => parameters.load(view.state(height)),
    GetEvents: (height) => view.events(height, queries.event),
    WatchEvents: (_, call) => follow(call, view.follow(), (block) => readEvents(block, queries.event)),
  };
}
