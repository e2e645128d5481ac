import { describe, expect, test } from "vitest";
import { dueVersions, staleVersions } from "#consensus/checkpoints/schedule.js";

const schedule = { interval: 10n, numKept: 2n, initialVersion: 5n };

describe("the schedule of checkpoints", () => {
  test("counts from the initial version, which is due first", () => {
    expect(dueVersions(schedule, [], 5n, 4n)).toEqual([]);
    expect(dueVersions(schedule, [], 5n, 5n)).toEqual([5n]);
    expect(dueVersions(schedule, [5n], 5n, 14n)).toEqual([]);
    expect(dueVersions(schedule, [5n], 5n, 15n)).toEqual([15n]);
    expect(dueVersions(schedule, [5n, 15n], 5n, 19n)).toEqual([]);
  });

  test("makes up for missed versions, latest first, as many as are kept and as there are states for", () => {
    expect(dueVersions(schedule, [5n], 5n, 47n)).toEqual([45n, 35n]);
    expect(dueVersions(schedule, [5n], 36n, 47n)).toEqual([45n]);
    expect(dueVersions(schedule, [5n], 46n, 47n)).toEqual([]);
    expect(dueVersions({ ...schedule, interval: 0n }, [], 5n, 100n)).toEqual([]);
    expect(dueVersions({ ...schedule, numKept: 0n }, [], 5n, 47n)).toEqual([45n]);
  });

  test("lets the oldest go, except that of the initial version", () => {
    expect(staleVersions(schedule, [5n, 15n, 25n])).toEqual([]);
    expect(staleVersions(schedule, [5n, 15n, 25n, 35n, 45n])).toEqual([15n, 25n]);
    expect(staleVersions({ ...schedule, numKept: 0n }, [15n])).toEqual([15n]);
  });
});
