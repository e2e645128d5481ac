import { expect, test } from "vitest";
import { sortLikeGo } from "#consensus/genesis/go-sort.js";
import { describeVectors } from "../support/vectors.ts";

interface SortVectors {
  readonly vectors: readonly {
    readonly n: number;
    readonly powers: readonly number[];
    readonly order: readonly number[];
  }[];
}

describeVectors<SortVectors>("consensus/go_sort_slice.json", ({ vectors }) => {
  test.each(vectors.map((vector, i) => [vector.n, i, vector] as const))(
    "gives equal powers the order that the reference gives them (%i items, case %i)",
    (_n, _i, { powers, order }) => {
      const items = powers.map((power, index) => ({ power, index }));
      const sorted = sortLikeGo(items, (a, b) => a.power > b.power);
      expect(sorted.map(({ index }) => index)).toEqual(order);
    },
  );
});
