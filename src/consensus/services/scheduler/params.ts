import { PublicKey } from "#common/crypto/keys.js";
import { unknown } from "#common/errors/index.js";
import { Namespace } from "#common/namespace.js";
import { Quantity } from "#common/quantity.js";
import { bool, i64, map, nullable, omitEmpty, optional, struct, u64, u8 } from "#common/schema/index.js";
import type { DebugSwitches } from "../../app/context.js";
import { sharedCell } from "../../app/table.js";
import { byteEnumList, CommitteeKind, CommitteeRole } from "./types.js";

/** How stake becomes voting power. */
export const POWER_LINEAR = 0;
export const POWER_SQRT = 1;

/** A seat that test networks reserve for a node. */
export class ForceElectRole extends struct("ForceElectRole", {
  kind: omitEmpty(CommitteeKind),
  roles: omitEmpty(byteEnumList(CommitteeRole)),
  index: omitEmpty(u64),
}) {}

/** Parameters of the scheduler (consensus: genesis document, section scheduler). */
export class SchedulerParameters extends struct("SchedulerParameters", {
  minValidators: i64,
  maxValidators: i64,
  maxValidatorsPerEntity: i64,
  debugBypassStake: omitEmpty(bool),
  rewardFactorEpochElectionAny: Quantity,
  debugForceElect: optional(map(Namespace, map(PublicKey, ForceElectRole, { max: 10_000 }), { max: 10_000 })),
  debugAllowWeakAlpha: omitEmpty(bool),
  votingPowerDistribution: omitEmpty(u8),
}) {}

export class SchedulerGenesis extends struct("SchedulerGenesis", { params: SchedulerParameters }) {}

/** What governance may change. */
export class SchedulerParameterChanges extends struct("SchedulerParameterChanges", {
  minValidators: nullable(i64),
  maxValidators: nullable(i64),
  votingPowerDistribution: optional(u8),
}) {}

export const schedulerParametersCell = sharedCell(0x63, SchedulerParameters);

/** Debug parameters are refused unless the node runs in debug mode. */
export function checkParameters(params: SchedulerParameters, debug: DebugSwitches): void {
  const unsafe = params.debugBypassStake || params.debugAllowWeakAlpha || params.debugForceElect !== undefined;
  if (unsafe && !debug.dontBlameOasis) throw unknown("scheduler: one or more unsafe debug flags set");
}

/** The parameters after a change; an empty change is refused. */
export function changedParameters(
  params: SchedulerParameters,
  changes: SchedulerParameterChanges,
): SchedulerParameters {
  const { minValidators, maxValidators, votingPowerDistribution } = changes;
  if (minValidators === null && maxValidators === null && votingPowerDistribution === undefined) {
    throw unknown("scheduler: consensus parameter changes should not be empty");
  }
  return {
    ...params,
    minValidators: minValidators ?? params.minValidators,
    maxValidators: maxValidators ?? params.maxValidators,
    votingPowerDistribution: votingPowerDistribution ?? params.votingPowerDistribution,
  };
}

/** Base units of stake per unit of linear voting power. */
const BASE_UNITS_PER_POWER = 16n;
const I64_MAX = 0x7fffffffffffffffn;
/** The most voting power that the engine takes in total. */
export const MAX_TOTAL_POWER: bigint = I64_MAX / 8n;

/** Floor of the square root, by Newton's method. */
export function integerSqrt(n: bigint): bigint {
  if (n < 2n) return n;
  let x = 1n << BigInt((n.toString(2).length + 1) >> 1);
  for (;;) {
    const y = (x + n / x) >> 1n;
    if (y >= x) return x;
    x = y;
  }
}

/** Voting power of a stake in base units; at least 1, so that a validator without stake is no removal. */
export function votingPower(stake: bigint, distribution: number): bigint {
  let power = distribution === POWER_LINEAR ? stake / BASE_UNITS_PER_POWER : stake;
  if (power === 0n) return 1n;
  if (distribution === POWER_SQRT) power = integerSqrt(power);
  if (power > I64_MAX) throw unknown(`${stake} is too many base units to convert to power`);
  return power;
}
