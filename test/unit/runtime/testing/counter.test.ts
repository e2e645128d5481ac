import { expect, test } from "vitest";
import { MemorySigner, u64 } from "qanat/runtime";
import { LocalRuntime } from "qanat/runtime/testing";
import { counter, Owner, Step, stepped } from "../../../../examples/counter/runtime.ts";

const [alice, bob] = [1, 2].map((n) => MemorySigner.fromSeed(new Uint8Array(32).fill(n))) as [
  MemorySigner,
  MemorySigner,
];

test("counts for each caller on its own", () => {
  const runtime = new LocalRuntime(counter);
  expect(runtime.call(alice, "step", Step, { by: 3n }, u64)).toBe(3n);
  expect(runtime.call(alice, "step", Step, { by: 4n }, u64)).toBe(7n);
  expect(runtime.events(stepped)).toEqual([{ by: 4n }]);
  expect(runtime.query("value", Owner, { key: alice.publicKey }, u64)).toBe(7n);
  expect(runtime.query("value", Owner, { key: bob.publicKey }, u64)).toBe(0n);
});

test("refuses steps that are too large", () => {
  const runtime = new LocalRuntime(counter);
  expect(() => runtime.call(alice, "step", Step, { by: 11n }, u64)).toThrow("at most ten at a time");
});
