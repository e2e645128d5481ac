import { describe, expect, it } from "vitest";
import { systemClock } from "#platform/clock.js";
import { systemEntropy } from "#platform/entropy.js";
import { lineLog } from "#platform/log.js";

describe("the system clock", () => {
  it("fires a timer once, after the call that set it", async () => {
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      systemClock.setTimer(0, () => {
        order.push("fired");
        resolve();
      });
      order.push("set");
    });
    expect(order).toEqual(["set", "fired"]);
  });

  it("does not fire a cancelled timer, nor one beyond the range of Node.js at once", async () => {
    let fired = 0;
    systemClock.setTimer(0, () => fired++).cancel();
    const far = systemClock.setTimer(2 ** 40, () => fired++);
    await new Promise<void>((resolve) => {
      systemClock.setTimer(5, resolve);
    });
    far.cancel();
    expect(fired).toBe(0);
  });

  it("tells unix milliseconds", () => {
    expect(systemClock.nowMs()).toBeGreaterThan(1_600_000_000_000);
  });
});

it("gives fresh bytes that share no memory with a pool", () => {
  const [a, b] = [systemEntropy.bytes(32), systemEntropy.bytes(32)];
  expect([a.length, a.buffer.byteLength]).toEqual([32, 32]);
  expect(a).not.toEqual(b);
});

describe("the line log", () => {
  const lines = (level: "debug" | "warn" | "none"): { log: ReturnType<typeof lineLog>; out: string[] } => {
    const out: string[] = [];
    return { log: lineLog({ level, write: (line) => out.push(line), nowMs: () => 0 }), out };
  };

  it("writes time, level, part, message and fields on one line", () => {
    const { log, out } = lines("debug");
    log.child("consensus").child("app").info("block made", { height: 7n, hash: "ab", empty: undefined, who: "a b" });
    expect(out).toEqual(['1970-01-01T00:00:00.000Z info  consensus/app: block made height=7 hash=ab who="a b"\n']);
  });

  it("drops lines below its level", () => {
    const { log, out } = lines("warn");
    log.debug("a");
    log.info("b");
    log.warn("c");
    log.error("d");
    expect(out.map((line) => line.slice(25, 32))).toEqual(["warn  c", "error d"]);
    const silent = lines("none");
    silent.log.error("e");
    expect(silent.out).toEqual([]);
  });

  it("keeps text from outside on its line", () => {
    const { log, out } = lines("debug");
    log.warn("peer said\n2020 error forged\u001b[2J", { text: "x\ny" });
    expect(out.length).toBe(1);
    expect(out[0]?.slice(0, -1)).not.toMatch(/[\n\u001b]/);
  });
});
