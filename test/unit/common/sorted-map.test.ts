import { describe, expect, it } from "vitest";
import { SortedMap } from "#common/sorted-map.js";
import { struct, u8 } from "#common/schema/index.js";

const b = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe("SortedMap", () => {
  it("walks in canonical order whatever the order of insertion", () => {
    const m = SortedMap.text<number>();
    for (const [i, key] of ["bb", "a", "c", "aa", ""].entries()) m.set(key, i);
    expect([...m.keys()]).toEqual(["", "a", "c", "aa", "bb"]);
    const n = SortedMap.int<bigint, number>();
    for (const key of [256n, -1n, 0n, 24n, 23n, -25n, 2n ** 64n - 1n]) n.set(key, 0);
    expect([...n.keys()]).toEqual([0n, 23n, -1n, 24n, -25n, 256n, 2n ** 64n - 1n]);
  });

  it("takes equal bytes for one key, and numbers and bigints of one value too", () => {
    const m = SortedMap.bytes<string>().set(b(1, 2), "a").set(b(1, 2), "b");
    expect([m.size, m.get(b(1, 2)), m.has(b(1)), m.has(b())]).toEqual([1, "b", false, false]);
    expect(SortedMap.int<number | bigint, string>().set(5, "x").get(5n)).toBe("x");
  });

  it("takes structs as keys by their encoding", () => {
    class P extends struct("P", { x: u8, y: u8 }) {}
    const m = new SortedMap<P, string>(P).set({ x: 1, y: 2 }, "a").set({ x: 1, y: 1 }, "b");
    expect(m.get({ y: 2, x: 1 })).toBe("a");
    expect([...m.values()]).toEqual(["b", "a"]);
  });

  it("deletes, clones without sharing places, and tells its first entry", () => {
    const m = SortedMap.bytes<number>().set(b(3), 3).set(b(1), 1).set(b(2), 2);
    const copy = m.clone();
    expect([m.delete(b(1)), m.delete(b(1))]).toEqual([true, false]);
    expect([...m.entries()].map(([, v]) => v)).toEqual([2, 3]);
    expect(copy.size).toBe(3);
    expect(copy.first()?.[1]).toBe(1);
    expect(SortedMap.bytes<number>().first()).toBe(undefined);
  });

  it("may change while it is walked: deleted entries are not met, added ones may wait", () => {
    const m = SortedMap.int<number, string>().set(1, "a").set(2, "b").set(3, "c");
    const met: number[] = [];
    for (const [key] of m) {
      met.push(key);
      m.delete(2);
      m.set(10 + key, "new");
    }
    expect(met).toEqual([1, 3]);
    expect([...m.keys()]).toEqual([1, 3, 11, 13]);
  });

  it("behaves like a plain map under random changes", () => {
    const seed = 20261121;
    let state = seed;
    const random = (n: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % n;
    };
    const m = SortedMap.bytes<number>();
    const plain = new Map<string, number>();
    for (let i = 0; i < 20_000; i++) {
      const key = b(...Array.from({ length: random(3) }, () => random(4)));
      if (random(3) === 0) expect(m.delete(key)).toBe(plain.delete(key.join()));
      else {
        m.set(key, i);
        plain.set(key.join(), i);
      }
      if (i % 500 === 0) {
        const order = [...m.keys()].map((k) => [k.length, ...k]);
        expect(order, `seed ${seed}`).toEqual([...order].sort((x, y) => cmp(x, y)));
        expect(new Map([...m].map(([k, v]) => [k.join(), v]))).toEqual(plain);
      }
    }
  });

  it("holds many entries in any order of insertion", () => {
    const m = SortedMap.int<number, number>();
    for (let i = 5_000; i > 0; i--) m.set(i, i);
    let last = 0;
    for (const [key] of m) {
      expect(key > last).toBe(true);
      last = key;
    }
    expect(last).toBe(5_000);
    for (let first = m.first(); first !== undefined; first = m.first()) m.delete(first[0]);
    expect(m.size).toBe(0);
  });
});

function cmp(x: number[], y: number[]): number {
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const d = (x[i] as number) - (y[i] as number);
    if (d !== 0) return d;
  }
  return x.length - y.length;
}
