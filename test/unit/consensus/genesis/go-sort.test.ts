import { describe, expect, test } from "vitest";
import { sortLikeGo } from "#consensus/genesis/go-sort.js";

/** A simple generator with a seed, for lists that look like anything. */
function generator(seed: number): (limit: number) => number {
  let state = seed % 2_147_483_647 || 1;
  return (limit) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % limit;
  };
}

const less = (a: number, b: number): boolean => a < b;
const ascending = (a: number, b: number): number => a - b;

describe("the sort of the reference's language", () => {
  test("leaves its input as it is", () => {
    const input = [3, 1, 2];
    sortLikeGo(input, less);
    expect(input).toEqual([3, 1, 2]);
  });

  test("keeps the order of equal items up to twelve of them", () => {
    const items = Array.from({ length: 12 }, (_, index) => ({ key: index % 3, index }));
    const sorted = sortLikeGo(items, (a, b) => a.key < b.key);
    const expected = [...items].sort((a, b) => a.key - b.key || a.index - b.index);
    expect(sorted).toEqual(expected);
  });

  test("sorts lists of all sizes and shapes", () => {
    const seed = Date.now();
    const next = generator(seed);
    for (let round = 0; round < 300; round++) {
      const size = next(400);
      const shapes: ((i: number) => number)[] = [
        () => next(1_000_000),
        () => next(4),
        (i) => i,
        (i) => -i,
        (i) => (i < size - 3 ? i : next(size)),
        (i) => Math.abs(i - Math.floor(size / 2)),
        (i) => i % 17,
      ];
      const shape = shapes[round % shapes.length] ?? ((i: number): number => i);
      const list = Array.from({ length: size }, (_, i) => shape(i));
      expect(sortLikeGo(list, less), `seed ${seed}, round ${round}`).toEqual([...list].sort(ascending));
    }
  });

  test("does not degrade with an order made to defeat it", () => {
    // McIlroy's adversary: it decides about each comparison so that every pivot is a bad one.
    const size = 2000;
    const gas = size;
    const value = Array.from({ length: size }, () => gas);
    let solid = 0;
    let candidate = 0;
    let compared = 0;
    const adversary = (a: number, b: number): boolean => {
      compared++;
      if (value[a] === gas && value[b] === gas) value[a === candidate ? a : b] = solid++;
      if (value[a] === gas) candidate = a;
      else if (value[b] === gas) candidate = b;
      return (value[a] ?? 0) < (value[b] ?? 0);
    };
    sortLikeGo([...value.keys()], adversary);
    expect(compared).toBeLessThan(size * 100);
    const list = value;
    expect(sortLikeGo(list, less)).toEqual([...list].sort(ascending));
  });
});
