/** Commission schedules: what may be put into them, and when (staking: commission schedule rules). */
import { assert } from "#common/assert.js";
import { unknown } from "#common/errors/index.js";
import {
  COMMISSION_RATE_DENOMINATOR,
  type CommissionRateBoundStep,
  type CommissionRateStep,
  type CommissionSchedule,
  type CommissionScheduleRules,
} from "../types/commission.js";

function checkComplexity(schedule: CommissionSchedule, rules: CommissionScheduleRules): void {
  if (schedule.rates.length > rules.maxRateSteps) {
    throw unknown(`rate schedule of ${schedule.rates.length} steps exceeds maximum ${rules.maxRateSteps}`);
  }
  if (schedule.bounds.length > rules.maxBoundSteps) {
    throw unknown(`bound schedule of ${schedule.bounds.length} steps exceeds maximum ${rules.maxBoundSteps}`);
  }
}

function checkStart(
  what: string,
  steps: readonly { readonly start: bigint }[],
  i: number,
  rules: CommissionScheduleRules,
): void {
  assert(rules.rateChangeInterval !== 0n, "The commission rate change interval is never zero where steps are used.");
  const start = steps[i]?.start ?? 0n;
  if (start % rules.rateChangeInterval !== 0n) {
    throw unknown(`${what} step ${i} start epoch ${start} not aligned with interval ${rules.rateChangeInterval}`);
  }
  const previous = steps[i - 1];
  if (previous !== undefined && start <= previous.start) {
    throw unknown(`${what} step ${i} start epoch ${start} not after that of the previous step`);
  }
}

function checkRate(step: CommissionRateStep, i: number, rules: CommissionScheduleRules): void {
  if (step.rate > COMMISSION_RATE_DENOMINATOR) throw unknown(`rate step ${i} over unity`);
  if (step.rate < rules.minCommissionRate) throw unknown(`rate step ${i} less than minimum commission rate`);
}

function checkBound(step: CommissionRateBoundStep, i: number, rules: CommissionScheduleRules): void {
  if (step.rateMin > COMMISSION_RATE_DENOMINATOR) throw unknown(`bound step ${i} minimum rate over unity`);
  if (step.rateMax > COMMISSION_RATE_DENOMINATOR) throw unknown(`bound step ${i} maximum rate over unity`);
  if (step.rateMax < step.rateMin) throw unknown(`bound step ${i} maximum rate less than minimum rate`);
  if (step.rateMax < rules.minCommissionRate) {
    throw unknown(`bound step ${i} maximum rate less than minimum commission rate`);
  }
  if (step.rateMin < rules.minCommissionRate) {
    throw unknown(`bound step ${i} minimum rate less than minimum commission rate`);
  }
}

function checkSteps(schedule: CommissionSchedule, rules: CommissionScheduleRules): void {
  schedule.rates.forEach((step, i) => {
    checkStart("rate", schedule.rates, i, rules);
    checkRate(step, i, rules);
  });
  schedule.bounds.forEach((step, i) => {
    checkStart("bound", schedule.bounds, i, rules);
    checkBound(step, i, rules);
  });
}

/** Whether an amendment comes early enough; the first schedule of an account needs no lead for its bounds. */
function checkTiming(
  amendment: CommissionSchedule,
  rules: CommissionScheduleRules,
  now: bigint,
  hasBounds: boolean,
): void {
  const [rate] = amendment.rates;
  if (rate !== undefined && rate.start <= now) {
    throw unknown(`rate schedule with start epoch ${rate.start} must not alter rate on or before ${now}`);
  }
  const [bound] = amendment.bounds;
  if (bound === undefined) return;
  const earliest = BigInt.asUintN(64, now + 1n + (hasBounds ? rules.rateBoundLead : 0n));
  if (bound.start < earliest) {
    throw unknown(`bound schedule with start epoch ${bound.start} must not alter before ${earliest}`);
  }
}

/** Steps without those that a later one, already begun, has replaced. */
function prunedSteps<S extends { readonly start: bigint }>(steps: readonly S[], now: bigint): S[] {
  let first = 0;
  for (let next = steps[1]; next !== undefined && next.start <= now; next = steps[first + 1]) first++;
  return steps.slice(first);
}

function pruned(schedule: CommissionSchedule, now: bigint): CommissionSchedule {
  return { rates: prunedSteps(schedule.rates, now), bounds: prunedSteps(schedule.bounds, now) };
}

/** Old steps up to the first amended one, then the amendment. */
function spliced<S extends { readonly start: bigint }>(steps: readonly S[], amendment: readonly S[]): S[] {
  const first = amendment[0];
  if (first === undefined) return [...steps];
  const end = steps.findIndex((step) => step.start >= first.start);
  return [...(end < 0 ? steps : steps.slice(0, end)), ...amendment];
}

/** At every moment from now on the rate must keep within the bounds; both must begin together if they are to come. */
function checkWithinBounds(schedule: CommissionSchedule, now: bigint): void {
  const { rates, bounds } = schedule;
  let rate = rates[0];
  let bound = bounds[0];
  if (rate === undefined && bound === undefined) return;
  if (rate === undefined) throw unknown("rates missing");
  if (bound === undefined) throw unknown("bounds missing");
  if ((rate.start > now || bound.start > now) && rate.start !== bound.start) {
    throw unknown(`rate schedule start epoch ${rate.start} and bound schedule start epoch ${bound.start} differ`);
  }
  for (let r = 0, b = 0; ; ) {
    if (rate.rate < bound.rateMin) throw unknown(`rate step ${r} less than minimum rate of bound step ${b}`);
    if (rate.rate > bound.rateMax) throw unknown(`rate step ${r} greater than maximum rate of bound step ${b}`);
    const nextRate: CommissionRateStep | undefined = rates[r + 1];
    const nextBound: CommissionRateBoundStep | undefined = bounds[b + 1];
    if (nextRate === undefined && nextBound === undefined) return;
    if (nextRate !== undefined && (nextBound === undefined || nextRate.start <= nextBound.start)) {
      r++;
      rate = nextRate;
    }
    if (nextBound !== undefined && (nextRate === undefined || nextBound.start <= nextRate.start)) {
      b++;
      bound = nextBound;
    }
  }
}

/**
 * A schedule without steps of the past; throws (plain) when it breaks the rules.
 * @param now current epoch
 */
export function pruneAndValidate(
  schedule: CommissionSchedule,
  rules: CommissionScheduleRules,
  now: bigint,
): CommissionSchedule {
  checkComplexity(schedule, rules);
  checkSteps(schedule, rules);
  const result = pruned(schedule, now);
  checkWithinBounds(result, now);
  return result;
}

/**
 * A schedule with an amendment and without steps of the past; throws (plain) when the amendment breaks the rules.
 * @param now current epoch
 */
export function amendSchedule(
  schedule: CommissionSchedule,
  amendment: CommissionSchedule,
  rules: CommissionScheduleRules,
  now: bigint,
): CommissionSchedule {
  checkComplexity(amendment, rules);
  checkSteps(amendment, rules);
  checkTiming(amendment, rules, now, schedule.bounds.length > 0);
  const current = pruned(schedule, now);
  const result = {
    rates: spliced(current.rates, amendment.rates),
    bounds: spliced(current.bounds, amendment.bounds),
  };
  checkComplexity(result, rules);
  checkWithinBounds(result, now);
  return result;
}

/** A schedule in which nothing is below a rate, and whether that changed anything. */
export function raiseToMinimum(schedule: CommissionSchedule, min: bigint): [CommissionSchedule, boolean] {
  const raise = (rate: bigint): bigint => (rate < min ? min : rate);
  const rates = schedule.rates.map((step) => ({ ...step, rate: raise(step.rate) }));
  const bounds = schedule.bounds.map((step) => ({
    ...step,
    rateMin: raise(step.rateMin),
    rateMax: raise(step.rateMax),
  }));
  const changed =
    schedule.rates.some((step) => step.rate < min) ||
    schedule.bounds.some((step) => step.rateMin < min || step.rateMax < min);
  return [{ rates, bounds }, changed];
}
