import { describe, expect, it } from "vitest";
import { RecentMap } from "#common/recent-map.js";

describe("a memory of recent answers", () => {
  it("holds at least half and at most all of its limit, the latest ones", () => {
    const recent = new RecentMap<number>(10);
    for (let i = 0; i < 103; i++) recent.set(`k${i}`, i);
    const held = Array.from({ length: 103 }, (_, i) => recent.get(`k${i}`)).filter((v) => v !== undefined);
    expect(held.length).toBeGreaterThanOrEqual(5);
    expect(held.length).toBeLessThanOrEqual(10);
    expect(held.at(-1)).toBe(102);
  });

  it("keeps what is in use however much comes after it", () => {
    const recent = new RecentMap<string>(8);
    recent.set("used", "yes");
    for (let i = 0; i < 100; i++) {
      recent.set(`other ${i}`, "no");
      expect(recent.get("used")).toBe("yes");
    }
    expect(recent.get("other 1")).toBeUndefined();
  });
});
