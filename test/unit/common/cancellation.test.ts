import { expect, it } from "vitest";
import { Cancellation, Cancelled } from "#common/cancellation.js";

it("calls back once, in order, and says so afterwards", () => {
  const seen: number[] = [];
  const work = new Cancellation();
  work.token.onCancel(() => seen.push(1));
  work.token.onCancel(() => seen.push(2))();
  work.token.onCancel(() => seen.push(3));
  work.token.throwIfCancelled();
  work.cancel();
  work.cancel();
  expect(seen).toEqual([1, 3]);
  expect(work.token.cancelled).toBe(true);
  expect(() => work.token.throwIfCancelled()).toThrow(Cancelled);
  work.token.onCancel(() => seen.push(4));
  expect(seen).toEqual([1, 3, 4]);
});

it("stops children with their parent, not the reverse", () => {
  const parent = new Cancellation();
  const child = new Cancellation(parent.token);
  const other = new Cancellation(parent.token);
  child.cancel();
  expect([parent.token.cancelled, other.token.cancelled]).toEqual([false, false]);
  parent.cancel();
  expect(other.token.cancelled).toBe(true);
  expect(new Cancellation(parent.token).token.cancelled).toBe(true);
});
