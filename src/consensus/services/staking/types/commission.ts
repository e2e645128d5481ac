/** Commission of validators: what they keep of the rewards of their delegators (staking: commission schedule rules). */
import { FRAME_ELEMENTS } from "#common/limits.js";
import { Quantity } from "#common/quantity.js";
import { list, omitEmpty, struct, u16, u64 } from "#common/schema/index.js";

/** Rates are thousandths of a percent: this is the rate of taking everything. */
export const COMMISSION_RATE_DENOMINATOR = 100_000n;

/** When and how schedules may change; epochs, numbers of steps and the lowest rate of all. */
export class CommissionScheduleRules extends struct("CommissionScheduleRules", {
  rateChangeInterval: omitEmpty(u64),
  rateBoundLead: omitEmpty(u64),
  maxRateSteps: omitEmpty(u16),
  maxBoundSteps: omitEmpty(u16),
  minCommissionRate: Quantity,
}) {}

/** A rate and the epoch from which it holds. */
export class CommissionRateStep extends struct("CommissionRateStep", {
  start: omitEmpty(u64),
  rate: omitEmpty(Quantity),
}) {}

/** What the rate promises to stay within, and from which epoch on. */
export class CommissionRateBoundStep extends struct("CommissionRateBoundStep", {
  start: omitEmpty(u64),
  rateMin: omitEmpty(Quantity),
  rateMax: omitEmpty(Quantity),
}) {}

/** Both lists are in order of their starts. */
export class CommissionSchedule extends struct("CommissionSchedule", {
  rates: omitEmpty(list(CommissionRateStep, { max: FRAME_ELEMENTS })),
  bounds: omitEmpty(list(CommissionRateBoundStep, { max: FRAME_ELEMENTS })),
}) {}

/** The rate of the last step that has started by an epoch; undefined when none has. */
export function currentRate(schedule: CommissionSchedule, epoch: bigint): bigint | undefined {
  let rate: bigint | undefined;
  for (const step of schedule.rates) {
    if (step.start > epoch) break;
    rate = step.rate;
  }
  return rate;
}
