import { describe, expect, test } from "vitest";
import { hash } from "#common/hash.js";
import { u32be } from "#common/bytes.js";
import { SeenCache } from "#p2p/seen-cache.js";
import { Random } from "../mkvs/support/random.js";

const id = (n: number): Uint8Array => hash(u32be(n));

describe("what was seen", () => {
  test("is remembered with its last time until it is deleted", () => {
    const seen = new SeenCache(10);
    expect(seen.get(id(1), 0)).toBeUndefined();
    seen.set(id(1), 5);
    seen.set(id(2), 6);
    seen.set(id(1), 7);
    expect([seen.get(id(1), 8), seen.get(id(2), 8), seen.size]).toEqual([7, 6, 2]);
    seen.delete(id(1));
    seen.delete(id(3));
    expect([seen.get(id(1), 8), seen.get(id(2), 8), seen.size]).toEqual([undefined, 6, 1]);
  });

  test("makes room when there is too much, the oldest first; what is seen again is young again", () => {
    const seen = new SeenCache(3);
    for (const n of [1, 2, 3, 1, 4]) seen.set(id(n), n);
    expect([1, 2, 3, 4].map((n) => seen.get(id(n), 9) !== undefined)).toEqual([true, false, true, true]);
  });

  test("lasts for its time", () => {
    const seen = new SeenCache(100, 10);
    seen.set(id(1), 0);
    seen.set(id(2), 9);
    expect([seen.get(id(1), 9), seen.get(id(1), 10)]).toEqual([0, undefined]);
    seen.set(id(3), 10);
    expect(seen.size).toBe(2);
  });

  test("never holds more than it may, however much comes by", () => {
    const seen = new SeenCache(1000);
    for (let n = 0; n < 20_000; n++) seen.set(id(n), n);
    expect(seen.size).toBe(1000);
    expect([seen.get(id(18_999), 0), seen.get(id(19_000), 0)]).toEqual([undefined, 19_000]);
  });

  test("is the same as in a map in order of age", () => {
    const random = new Random();
    const [capacity, ttlMs] = [50 + random.below(100), 500];
    const seen = new SeenCache(capacity, ttlMs);
    const model = new Map<number, number>();
    for (let now = 0; now < 10_000; now += random.below(6)) {
      const n = random.below(2 * capacity);
      if (random.below(4) === 0) {
        seen.delete(id(n));
        model.delete(n);
      } else {
        seen.set(id(n), now);
        model.delete(n);
        model.set(n, now);
        for (const [old, atMs] of model) if (model.size > capacity || now - atMs >= ttlMs) model.delete(old);
      }
      const other = random.below(2 * capacity);
      const atMs = model.get(other);
      const expected = atMs !== undefined && now - atMs < ttlMs ? atMs : undefined;
      expect(seen.get(id(other), now), random.label).toBe(expected);
      expect(seen.size, random.label).toBe(model.size);
    }
  });
});
