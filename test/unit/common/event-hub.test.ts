import { describe, expect, it } from "vitest";
import { EventHub, SubscriberTooSlow } from "#common/event-hub.js";

async function take<T>(from: AsyncIterator<T, undefined>, n: number): Promise<T[]> {
  const out: T[] = [];
  for (let i = 0; i < n; i++) {
    const { done, value } = await from.next();
    if (done) break;
    out.push(value);
  }
  return out;
}

describe("EventHub", () => {
  it("delivers every event to every subscriber in order", async () => {
    const hub = new EventHub<number>();
    const [a, b] = [hub.subscribe(), hub.subscribe()];
    for (let i = 0; i < 5; i++) hub.publish(i);
    expect(await take(a, 5)).toEqual([0, 1, 2, 3, 4]);
    expect(await take(b, 5)).toEqual([0, 1, 2, 3, 4]);
  });

  it("wakes a subscriber that waits", async () => {
    const hub = new EventHub<string>();
    const subscription = hub.subscribe();
    const next = subscription.next();
    hub.publish("now");
    expect(await next).toEqual({ done: false, value: "now" });
  });

  it("starts with the first events and then with what matches the filter", async () => {
    const hub = new EventHub<number>();
    const subscription = hub.subscribe({ first: [100], filter: (n) => n % 2 === 0 });
    for (let i = 0; i < 5; i++) hub.publish(i);
    expect(await take(subscription, 4)).toEqual([100, 0, 2, 4]);
  });

  it("drops a slow subscriber with an error and leaves the others alone", async () => {
    const hub = new EventHub<number>();
    const slow = hub.subscribe({ limit: 3 });
    const other = hub.subscribe({ limit: 10 });
    for (let i = 0; i < 4; i++) hub.publish(i);
    expect(hub.size).toBe(1);
    await expect(slow.next()).rejects.toBeInstanceOf(SubscriberTooSlow);
    expect(await slow.next()).toEqual({ done: true, value: undefined });
    expect(await take(other, 4)).toEqual([0, 1, 2, 3]);
  });

  it("delivers what waits before it ends, and at once after close", async () => {
    const hub = new EventHub<number>();
    const [kept, closed] = [hub.subscribe(), hub.subscribe()];
    hub.publish(1);
    closed.close();
    hub.close();
    expect(await take(kept, 5)).toEqual([1]);
    expect(await take(closed, 5)).toEqual([]);
    expect(await take(hub.subscribe(), 1)).toEqual([]);
  });

  it("ends with the failure it was closed with", async () => {
    const hub = new EventHub<number>();
    const subscription = hub.subscribe();
    const next = subscription.next();
    hub.close(new RangeError("gone"));
    await expect(next).rejects.toThrow("gone");
    expect((await subscription.next()).done).toBe(true);
  });

  it("leaves when a loop over it breaks", async () => {
    const hub = new EventHub<number>();
    const subscription = hub.subscribe();
    hub.publish(7);
    for await (const n of subscription) {
      expect(n).toBe(7);
      break;
    }
    expect(hub.size).toBe(0);
  });

  it("takes a long backlog in linear time", async () => {
    const hub = new EventHub<number>();
    const subscription = hub.subscribe({ limit: 200_000 });
    for (let i = 0; i < 200_000; i++) hub.publish(i);
    const all = await take(subscription, 200_000);
    expect(all.length).toBe(200_000);
    expect(all.at(-1)).toBe(199_999);
  });
});
