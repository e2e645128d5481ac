import { unknown } from "#common/errors/index.js";
import { POWER_LINEAR, POWER_SQRT } from "../params.js";

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
