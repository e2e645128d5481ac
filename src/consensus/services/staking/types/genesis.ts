/** The service's section of the genesis document (staking: genesis). */
import { Address } from "#common/address.js";
import { FRAME_ELEMENTS } from "#common/limits.js";
import { Quantity } from "#common/quantity.js";
import { list, map, named, nullable, omitEmpty, struct, text, u8 } from "#common/schema/index.js";
import { StakingParameters } from "../params.js";
import { Account, DebondingDelegation, Delegation } from "./account.js";

const MANY = { max: FRAME_ELEMENTS };

export class StakingGenesis extends struct("StakingGenesis", {
  parameters: named("params", StakingParameters),
  tokenSymbol: text({ max: 64 }),
  tokenValueExponent: u8,
  totalSupply: Quantity,
  commonPool: Quantity,
  lastBlockFees: Quantity,
  governanceDeposits: Quantity,
  ledger: omitEmpty(map(Address, nullable(Account), MANY)),
  /** By escrow account, then by delegator. */
  delegations: omitEmpty(map(Address, map(Address, nullable(Delegation), MANY), MANY)),
  debondingDelegations: omitEmpty(map(Address, map(Address, list(nullable(DebondingDelegation), MANY), MANY), MANY)),
}) {}
