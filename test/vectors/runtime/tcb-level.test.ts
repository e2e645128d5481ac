import { expect, test } from "vitest";
import { reachesLevel } from "#common/tee/tcb-level.js";
import { describeVectors } from "../support/vectors.ts";

interface Versions {
  readonly sgx: readonly number[];
  readonly pcesvn: number;
  readonly tdx: readonly number[] | null;
}

interface LevelVectors {
  readonly level: Versions & { readonly tdx: readonly number[] };
  readonly cases: readonly (Versions & { readonly name: string; readonly matches: boolean })[];
}

describeVectors<LevelVectors>("runtime/tcb_level_matching.json", ({ level, cases }) => {
  const component = (svn: number): { svn: number; category: string; type: string } => ({ svn, category: "", type: "" });
  const sgxtcbcomponents = level.sgx.map(component);
  const tdxtcbcomponents = level.tdx.map(component);
  const tcb = { pcesvn: level.pcesvn, sgxtcbcomponents, tdxtcbcomponents };

  for (const { name, sgx, pcesvn, tdx, matches } of cases) {
    test(`a platform with ${name} ${matches ? "reaches" : "does not reach"} the level`, () => {
      const platform = { sgx, pceSvn: pcesvn, tdx: tdx === null ? undefined : Uint8Array.from(tdx) };
      expect(reachesLevel({ tcb, tcbDate: "", tcbStatus: 1, advisoryIDs: [] }, platform)).toBe(matches);
    });
  }
});
