import { describe, expect, it } from "vitest";
import { Inbox } from "#common/inbox.js";

describe("Inbox", () => {
  it("works on items one after the other, never inside offer", async () => {
    const seen: string[] = [];
    let busy = 0;
    const inbox = new Inbox<number>({
      capacity: 10,
      async handle(n) {
        expect(++busy).toBe(1);
        await Promise.resolve();
        seen.push(`did ${n}`);
        busy--;
      },
      failed: () => expect.unreachable(),
    });
    for (let i = 0; i < 3; i++) {
      expect(inbox.offer(i)).toBe(true);
      seen.push(`offered ${i}`);
    }
    await inbox.idle();
    expect(seen).toEqual(["offered 0", "offered 1", "offered 2", "did 0", "did 1", "did 2"]);
  });

  it("refuses items beyond its capacity and takes more when there is room", async () => {
    const done: number[] = [];
    const inbox = new Inbox<number>({ capacity: 2, handle: (n) => void done.push(n), failed: () => undefined });
    expect([1, 2, 3].map((n) => inbox.offer(n))).toEqual([true, true, false]);
    await inbox.idle();
    expect(inbox.offer(4)).toBe(true);
    await inbox.idle();
    expect(done).toEqual([1, 2, 4]);
  });

  it("goes on after a failure", async () => {
    const failures: unknown[] = [];
    const done: number[] = [];
    const inbox = new Inbox<number>({
      capacity: 5,
      handle(n) {
        if (n === 1) throw new RangeError("one");
        done.push(n);
      },
      failed: (error, n) => failures.push([(error as RangeError).message, n]),
    });
    for (const n of [0, 1, 2]) inbox.offer(n);
    await inbox.idle();
    expect([done, failures]).toEqual([[0, 2], [["one", 1]]]);
  });

  it("stops after the item being worked on and drops the rest", async () => {
    const done: number[] = [];
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const inbox = new Inbox<number>({
      capacity: 5,
      async handle(n) {
        await held;
        done.push(n);
      },
      failed: () => undefined,
    });
    for (const n of [0, 1, 2]) inbox.offer(n);
    await Promise.resolve();
    await Promise.resolve();
    const stopped = inbox.stop();
    release();
    await stopped;
    expect(done).toEqual([0]);
    expect(inbox.offer(9)).toBe(false);
  });

  it("takes a long backlog in linear time", async () => {
    let sum = 0;
    const inbox = new Inbox<number>({ capacity: 200_000, handle: (n) => void (sum += n), failed: () => undefined });
    for (let i = 0; i < 200_000; i++) inbox.offer(1);
    await inbox.idle();
    expect(sum).toBe(200_000);
  });
});
