import { beforeEach, describe, expect, test } from "vitest";
import { Gathering } from "#worker/executor/gathering.js";

const MOST = 100;
/** Callbacks of a round and when they are due, in milliseconds. */
let due: { readonly atMs: number; readonly callback: () => void }[];
let nowMs: number;
let asked: number;
beforeEach(() => {
  due = [];
  nowMs = 0;
  asked = 0;
});
const after = (ms: number, callback: () => void): void => void due.push({ atMs: nowMs + ms, callback });
const again = (): void => void asked++;

function pass(): void {
  const next = due.shift();
  if (next === undefined) return expect.unreachable("nobody waits");
  nowMs = next.atMs;
  next.callback();
}

describe("a scheduler with transactions at hand", () => {
  test("takes a few at once", () => {
    for (const size of [0, 1, 3]) expect(new Gathering(1, after).holds(size, MOST, again)).toBe(false);
    expect(due).toEqual([]);
  });

  test("takes as many as a batch begins with at once", () => {
    expect(new Gathering(50, after).holds(MOST, MOST, again)).toBe(false);
    const gathering = new Gathering(50, after);
    expect(gathering.holds(90, MOST, again)).toBe(true);
    pass();
    expect(gathering.holds(MOST + 1, MOST, again)).toBe(false);
  });

  test("waits while more come, and takes them when none has come for a moment", () => {
    const gathering = new Gathering(0, after);
    expect(gathering.holds(10, MOST, again)).toBe(true);
    expect(gathering.isWaiting).toBe(true);
    // Looking in between, as with each transaction, changes nothing.
    expect(gathering.holds(15, MOST, again)).toBe(true);
    expect(due).toHaveLength(1);
    pass();
    expect([asked, gathering.isWaiting]).toEqual([1, false]);
    expect(gathering.holds(20, MOST, again)).toBe(true);
    pass();
    expect(gathering.holds(20, MOST, again)).toBe(false);
    expect([asked, nowMs]).toEqual([2, 16]);
  });

  test("waits for many after a large batch, even when the first of them is alone", () => {
    const gathering = new Gathering(50, after);
    expect(gathering.holds(1, MOST, again)).toBe(true);
    pass();
    expect(gathering.holds(1, MOST, again)).toBe(false);
  });

  test("waits no longer than 64 milliseconds however many come", () => {
    const gathering = new Gathering(50, after);
    let size = 10;
    while (gathering.holds(size++, 10_000, again)) pass();
    expect(nowMs).toBe(64);
  });
});
