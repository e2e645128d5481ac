import { describe, expect, it } from "vitest";
import { Interruption } from "#common/interruption.js";

describe("an interruption", () => {
  it("lets a promise settle by itself while it has not come", async () => {
    const interruption = new Interruption<"over">();
    expect(await interruption.or(Promise.resolve(1))).toBe(1);
    await expect(interruption.or(Promise.reject(new RangeError("no")))).rejects.toThrow(RangeError);
  });

  it("ends all waiting with its first value, and all later waiting at once", async () => {
    const interruption = new Interruption<string>();
    const never = new Promise<number>(() => undefined);
    const waiting = [interruption.or(never), interruption.or(never)];
    interruption.fire("over");
    interruption.fire("again");
    expect(await Promise.all(waiting)).toEqual(["over", "over"]);
    expect(await interruption.or(Promise.resolve(1))).toBe("over");
    expect(await interruption.or(Promise.reject(new RangeError("nobody hears of it")))).toBe("over");
  });

  it("keeps nothing of what has settled", async () => {
    const interruption = new Interruption<"over">();
    for (let i = 0; i < 100; i++) await interruption.or(Promise.resolve(i));
    const { waiting } = interruption as unknown as { waiting: Set<unknown> };
    expect(waiting.size).toBe(0);
  });
});
