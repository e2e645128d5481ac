import { expect, test } from "vitest";
import { AssertionFailure } from "#common/assert.js";
import { deepFreeze } from "#common/freeze.js";
import { list, map, struct, text, u64, u8 } from "#common/schema/index.js";

class Inner extends struct("Inner", { n: u64 }) {}
class Outer extends struct("Outer", {
  inner: Inner,
  many: list(Inner, { max: 9 }),
  costs: map(text({ max: 9 }), Inner, { max: 9 }),
  level: u8,
}) {}

test("a frozen value refuses changes at every depth, and reads and encodes as before", () => {
  const value = Outer.zero();
  value.many.push({ n: 1n });
  value.costs.set("a", { n: 2n });
  const encoded = Outer.encode(value);
  const frozen = deepFreeze(value);
  expect(() => (frozen.level = 1)).toThrow(TypeError);
  expect(() => (frozen.inner.n = 1n)).toThrow(TypeError);
  expect(() => frozen.many.push({ n: 1n })).toThrow(TypeError);
  expect(() => ((frozen.many[0] as Inner).n = 5n)).toThrow(TypeError);
  expect(() => frozen.costs.set("b", { n: 1n })).toThrow(AssertionFailure);
  expect(() => frozen.costs.delete("a")).toThrow(AssertionFailure);
  expect(() => ((frozen.costs.get("a") as Inner).n = 5n)).toThrow(TypeError);
  expect(Outer.encode(frozen)).toEqual(encoded);
  expect(frozen.costs.clone().set("b", { n: 1n }).size).toBe(2);
});
