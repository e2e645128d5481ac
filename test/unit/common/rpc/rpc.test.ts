import { describe, expect, test } from "vitest";
import { AssertionFailure } from "#common/assert.js";
import { Cancellation } from "#common/cancellation.js";
import { CodedError, DecodeError, unknown } from "#common/errors/index.js";
import { EventHub } from "#common/event-hub.js";
import {
  type Call,
  type Channel,
  createClient,
  defineMethods,
  errorOf,
  follow,
  methodPath,
  pump,
  RpcCode,
  RpcError,
  RpcHandler,
  rpcErrors,
  type StreamSink,
  statusOf,
  stream,
  unary,
} from "#common/rpc/index.js";
import { i64, list, nothing, nullable, struct, text, u64 } from "#common/schema/index.js";

class Query extends struct("Query", { height: i64, name: text({ max: 10 }) }) {}

const table = defineMethods("Test", {
  Sum: unary(nullable(list(u64, { max: 5 })), u64),
  Name: unary(Query, text({ max: 100 })),
  Nothing: unary(nothing, nothing),
  Missing: unary(nothing, nothing),
  Count: stream(u64, u64),
});

function handler(): RpcHandler {
  return new RpcHandler().add(table, {
    Sum: async (numbers) => (numbers ?? []).reduce((a, b) => a + b, 0n),
    Name: (query) => `${query.name}@${query.height}`,
    Nothing: () => null,
    async *Count(limit) {
      for (let i = 1n; i <= limit; i++) yield i;
    },
  });
}

/** A channel without any transport. */
function direct(server: RpcHandler): Channel {
  return {
    unary(path, request, options) {
      const answer = server.handle(path, request, { cancellation: options.cancellation ?? new Cancellation().token });
      return answer.kind === "unary" ? answer.result : Promise.reject(new RpcError(RpcCode.internal, "a stream"));
    },
    async *stream(path, request, options) {
      const answer = server.handle(path, request, { cancellation: options.cancellation ?? new Cancellation().token });
      if (answer.kind === "stream") yield* answer.items;
    },
  };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe("A method table", () => {
  const client = () => createClient(table, direct(handler()));

  test("gives server and client the same types and the paths of the reference", async () => {
    expect(methodPath("Staking", "Account")).toBe("/oasis-core.Staking/Account");
    expect(await client().Sum([1n, 2n, 1n << 63n])).toBe((1n << 63n) + 3n);
    expect(await client().Name({ height: -1n, name: "x" })).toBe("x@-1");
    expect(await client().Nothing()).toBeNull();
    expect(await collect(client().Count(4n))).toEqual([1n, 2n, 3n, 4n]);
  });

  test("answers an empty request as nil, and skips fields that it does not know", async () => {
    const server = handler();
    const call: Call = { cancellation: new Cancellation().token };
    const answer = server.handle(methodPath("Test", "Sum"), new Uint8Array(0), call);
    expect(answer.kind === "unary" && u64.decode(await answer.result)).toBe(0n);
    class Wider extends struct("Wider", { height: i64, name: text({ max: 10 }), more: u64 }) {}
    const wide = server.handle(methodPath("Test", "Name"), Wider.encode({ height: 1n, name: "y", more: 2n }), call);
    expect(wide.kind === "unary" && text({ max: 100 }).decode(await wide.result)).toBe("y@1");
  });

  test("answers unknown and unimplemented methods, and malformed requests, with an error", async () => {
    const call: Call = { cancellation: new Cancellation().token };
    for (const path of ["/oasis-core.Test/Missing", "/oasis-core.Test/Never", "", "/"]) {
      const answer = handler().handle(path, new Uint8Array(0), call);
      expect(answer.kind).toBe("unary");
      if (answer.kind === "unary") await expect(answer.result).rejects.toMatchObject({ code: RpcCode.unimplemented });
    }
    const bad = handler().handle(methodPath("Test", "Sum"), Uint8Array.of(0x86, 1, 1, 1, 1, 1, 1), call);
    if (bad.kind === "unary") await expect(bad.result).rejects.toBeInstanceOf(DecodeError);
    const badStream = handler().handle(methodPath("Test", "Count"), Uint8Array.of(0xff), call);
    if (badStream.kind === "stream") await expect(collect(badStream.items)).rejects.toBeInstanceOf(DecodeError);
    expect(handler().kindOf(methodPath("Test", "Count"))).toBe("stream");
    expect(handler().kindOf("/x")).toBeUndefined();
  });

  test("that wait for something that never comes end when they are cancelled", async () => {
    const open = new Set<string>();
    const waiting = new RpcHandler()
      .add(table, { Nothing: () => new Promise<null>(() => undefined) })
      .observe({ began: (path) => (open.add(path), () => open.delete(path)), streamed: () => undefined });
    const path = methodPath("Test", "Nothing");
    const cancellation = new Cancellation();
    const answer = waiting.handle(path, new Uint8Array(0), { cancellation: cancellation.token });
    expect([...open]).toEqual([path]);
    cancellation.cancel();
    const error = await (answer.kind === "unary" ? answer.result : undefined)?.catch((reason: unknown) => reason);
    expect(statusOf(error)).toMatchObject({ code: RpcCode.cancelled });
    expect(open.size).toBe(0);
  });

  test("cannot be served twice by one handler", () => {
    expect(() => handler().add(table, {})).toThrow(AssertionFailure);
  });
});

describe("The status of an error", () => {
  test("carries module and code of coded errors, and only text of the others", () => {
    const coded = new CodedError("staking", 3, "staking: insufficient balance");
    expect(statusOf(coded)).toEqual({
      code: RpcCode.unknown,
      message: "staking: insufficient balance",
      coded: { module: "staking", code: 3 },
    });
    expect(statusOf(unknown("plain"))).toEqual({ code: RpcCode.unknown, message: "plain" });
    expect(statusOf(new DecodeError("too long", "tx.fee"))).toMatchObject({ code: RpcCode.internal });
    expect(statusOf(rpcErrors.slowReader())).toMatchObject({ code: RpcCode.resourceExhausted });
    expect(statusOf("odd")).toEqual({ code: RpcCode.unknown, message: "unknown error" });
    expect(errorOf(statusOf(coded))).toEqual(coded);
    expect(errorOf({ code: 14, message: "gone" })).toEqual(new RpcError(14, "gone"));
  });
});

describe("A followed subscription", () => {
  const start = (limit = 3) => {
    const hub = new EventHub<number>();
    const cancellation = new Cancellation();
    const call = { cancellation: cancellation.token };
    const items = follow(call, hub.subscribe({ limit }), (n) => (n % 2 === 0 ? [n, n * 10] : []));
    return { hub, cancellation, items };
  };

  test("gives the items of each event, none for those that do not concern the caller", async () => {
    const { hub, items } = start();
    for (const n of [1, 2, 4]) hub.publish(n);
    const seen: number[] = [];
    for await (const item of items) {
      seen.push(item);
      if (seen.length === 3) break;
    }
    expect(seen).toEqual([2, 20, 4]);
    expect(hub.size).toBe(0);
  });

  test("is let go when the call is cancelled, even while no event comes", async () => {
    const { hub, cancellation, items } = start();
    const waiting = items.next();
    expect(hub.size).toBe(1);
    cancellation.cancel();
    expect(hub.size).toBe(0);
    expect((await waiting).done).toBe(true);
    const late = start();
    late.cancellation.cancel();
    expect((await late.items.next()).done).toBe(true);
    expect(late.hub.size).toBe(0);
  });

  test("ends with a coded status when its reader fell behind", async () => {
    const { hub, items } = start();
    for (const n of [2, 4, 6, 8]) hub.publish(n);
    expect(hub.size).toBe(0);
    const error = await items.next().catch((failure: unknown) => failure);
    expect(statusOf(error)).toMatchObject({ code: RpcCode.resourceExhausted, coded: { module: "rpc", code: 1 } });
  });
});

describe("The pump of a stream", () => {
  const chunk = new Uint8Array(100_000);
  const sink = (onSend: (sent: () => void) => void): StreamSink => ({
    send: (_item, sent) => onSend(sent),
    stallTimer: () => () => undefined,
  });
  async function* endless() {
    for (;;) yield chunk;
  }
  async function* silent() {
    await new Promise(() => undefined);
    yield chunk;
  }

  test("asks for no more items while too much is unsent, and goes on when it is gone", async () => {
    let made = 0;
    const items = (async function* () {
      for (; made < 20; made++) yield chunk;
    })();
    const unsent: (() => void)[] = [];
    const end = pump(
      items,
      new Cancellation().token,
      sink((sent) => unsent.push(sent)),
    );
    for (let i = 0; i < 50; i++) await Promise.resolve();
    expect(unsent.length).toBeLessThanOrEqual(3);
    while (made < 20 || unsent.length > 0) {
      unsent.shift()?.();
      await Promise.resolve();
    }
    expect((await end).status.code).toBe(RpcCode.ok);
  });

  test("ends at once when the call is cancelled, even while nothing can be sent or nothing comes", async () => {
    for (const items of [endless(), silent()]) {
      const cancellation = new Cancellation();
      const end = pump(
        items,
        cancellation.token,
        sink(() => undefined),
      );
      for (let i = 0; i < 50; i++) await Promise.resolve();
      cancellation.cancel();
      expect((await end).status.code).toBe(RpcCode.cancelled);
    }
  });

  test("drops a client that takes nothing, but not one that waits for items", async () => {
    const stalled: (() => void)[] = [];
    const stalling = {
      ...sink(() => undefined),
      stallTimer: (callback: () => void) => (stalled.push(callback), () => {}),
    };
    const end = pump(endless(), new Cancellation().token, stalling);
    for (let i = 0; i < 50; i++) await Promise.resolve();
    expect(stalled).toHaveLength(1);
    stalled[0]?.();
    expect((await end).status).toMatchObject({ code: RpcCode.resourceExhausted, coded: { module: "rpc", code: 1 } });
    const cancellation = new Cancellation();
    const waiting = pump(silent(), cancellation.token, stalling);
    for (let i = 0; i < 50; i++) await Promise.resolve();
    expect(stalled).toHaveLength(1);
    cancellation.cancel();
    await waiting;
  });

  test("ends with the error of the source", async () => {
    const items = (async function* () {
      yield chunk;
      throw new CodedError("roothash", 2, "roothash: not found");
    })();
    const end = await pump(
      items,
      new Cancellation().token,
      sink((sent) => sent()),
    );
    expect(end.status.coded).toEqual({ module: "roothash", code: 2 });
  });
});
