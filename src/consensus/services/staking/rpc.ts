import { Address } from "#common/address.js";
import { FRAME_ELEMENTS } from "#common/limits.js";
import { Quantity } from "#common/quantity.js";
import { defineMethods, stream, unary } from "#common/rpc/index.js";
import { i64, list, map, nothing, nullable, text, u8 } from "#common/schema/index.js";
import { StakingEvent } from "./events.js";
import { StakingParameters } from "./params.js";
import {
  Account,
  AllowanceQuery,
  DebondingDelegation,
  DebondingDelegationInfo,
  Delegation,
  DelegationInfo,
  OwnerQuery,
  StakingGenesis,
  ThresholdQuery,
} from "./types/index.js";

const many = { max: FRAME_ELEMENTS };
const Debondings = nullable(map(Address, list(DebondingDelegation, many), many));

/** Methods of the service's client API; heights of 0 mean the latest. */
export const stakingMethods = defineMethods("Staking", {
  TokenSymbol: unary(i64, text({ max: 64 })),
  TokenValueExponent: unary(i64, u8),
  TotalSupply: unary(i64, Quantity),
  CommonPool: unary(i64, Quantity),
  LastBlockFees: unary(i64, Quantity),
  GovernanceDeposits: unary(i64, Quantity),
  Threshold: unary(ThresholdQuery, Quantity),
  Addresses: unary(i64, nullable(list(Address, many))),
  CommissionScheduleAddresses: unary(i64, nullable(list(Address, many))),
  Account: unary(OwnerQuery, Account),
  DelegationsFor: unary(OwnerQuery, nullable(map(Address, Delegation, many))),
  DelegationInfosFor: unary(OwnerQuery, nullable(map(Address, DelegationInfo, many))),
  DelegationsTo: unary(OwnerQuery, nullable(map(Address, Delegation, many))),
  DebondingDelegationsFor: unary(OwnerQuery, Debondings),
  DebondingDelegationInfosFor: unary(OwnerQuery, nullable(map(Address, list(DebondingDelegationInfo, many), many))),
  DebondingDelegationsTo: unary(OwnerQuery, Debondings),
  Allowance: unary(AllowanceQuery, Quantity),
  StateToGenesis: unary(i64, StakingGenesis),
  ConsensusParameters: unary(i64, StakingParameters),
  GetEvents: unary(i64, nullable(list(StakingEvent, many))),
  WatchEvents: stream(nothing, StakingEvent),
});
