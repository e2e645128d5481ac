import { describe, expect, test } from "vitest";
import { AssertionFailure } from "#common/assert.js";
import { CodedError, DecodeError, unknown } from "#common/errors/index.js";
import {
  type Call,
  Cancellation,
  type Channel,
  createClient,
  defineMethods,
  errorOf,
  methodPath,
  pump,
  RpcCode,
  RpcError,
  RpcHandler,
  rpcErrors,
  statusOf,
  stream,
  unary,
  watch,
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
      const answer = server.handle(path, request, { cancellation: options.cancellation ?? new Cancellation() });
      return answer.kind === "unary" ? answer.result : Promise.reject(new RpcError(RpcCode.internal, "a stream"));
    },
    async *stream(path, request, options) {
      const answer = server.handle(path, request, { cancellation: options.cancellation ?? new Cancellation() });
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
    const call: Call = { cancellation: new Cancellation() };
    const answer = server.handle(methodPath("Test", "Sum"), new Uint8Array(0), call);
    expect(answer.kind === "unary" && u64.decode(await answer.result)).toBe(0n);
    class Wider extends struct("Wider", { height: i64, name: text({ max: 10 }), more: u64 }) {}
    const wide = server.handle(methodPath("Test", "Name"), Wider.encode({ height: 1n, name: "y", more: 2n }), call);
    expect(wide.kind === "unary" && text({ max: 100 }).decode(await wide.result)).toBe("y@1");
  });

  test("answers unknown and unimplemented methods, and malformed requests, with an error", async () => {
    const call: Call = { cancellation: new Cancellation() };
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

describe("A watched source", () => {
  test("never waits: a reader that falls behind the limit loses its stream and the source is let go", async () => {
    const cancellation = new Cancellation();
    let push: (n: number) => void = () => undefined;
    let stopped = 0;
    const items = watch<number>(
      { cancellation },
      (take) => {
        push = take;
        return () => {
          stopped += 1;
        };
      },
      3,
    );
    const reader = items[Symbol.asyncIterator]();
    push(1);
    expect((await reader.next()).value).toBe(1);
    for (const n of [2, 3, 4]) push(n);
    expect(cancellation.cancelled).toBe(false);
    push(5);
    expect(rpcErrors.slowReader.is(cancellation.reason)).toBe(true);
    expect(stopped).toBe(1);
    push(6);
    expect((await reader.next()).done).toBe(true);
  });

  test("is let go when the reader stops or the call is cancelled, before or while it waits", async () => {
    const start = () => {
      const cancellation = new Cancellation();
      const seen = { stopped: 0, push: (_n: number): void => undefined };
      const items = watch<number>({ cancellation }, (push) => {
        seen.push = push;
        return () => {
          seen.stopped += 1;
        };
      });
      return { cancellation, seen, items };
    };
    const left = start();
    left.seen.push(1);
    for await (const _item of left.items) break;
    expect(left.seen.stopped).toBe(1);
    // A stream that ends by itself is no cancelled call.
    expect(left.cancellation.cancelled).toBe(false);
    const waiting = start();
    const next = waiting.items[Symbol.asyncIterator]().next();
    waiting.cancellation.cancel();
    expect((await next).done).toBe(true);
    expect(waiting.seen.stopped).toBe(1);
    const gone = new Cancellation();
    gone.cancel();
    let stopped = 0;
    expect(await collect(watch<number>({ cancellation: gone }, () => () => (stopped += 1)))).toEqual([]);
    expect(stopped).toBe(1);
  });
});

describe("The pump of a stream", () => {
  const chunk = new Uint8Array(100_000);

  test("asks for no more items while too much is unsent, and goes on when it is gone", async () => {
    let made = 0;
    const items = (async function* () {
      for (; made < 20; made++) yield chunk;
    })();
    const unsent: (() => void)[] = [];
    const end = pump(items, new Cancellation(), (_item, sent) => unsent.push(sent));
    for (let i = 0; i < 50; i++) await Promise.resolve();
    expect(unsent.length).toBeLessThanOrEqual(3);
    while (made < 20 || unsent.length > 0) {
      unsent.shift()?.();
      await Promise.resolve();
    }
    expect((await end).status.code).toBe(RpcCode.ok);
  });

  test("ends at once with the reason of a cancellation, even while nothing can be sent or nothing comes", async () => {
    for (const items of [
      (async function* () {
        for (;;) yield chunk;
      })(),
      (async function* () {
        await new Promise(() => undefined);
        yield chunk;
      })(),
    ]) {
      const cancellation = new Cancellation();
      const end = pump(items, cancellation, () => undefined);
      for (let i = 0; i < 50; i++) await Promise.resolve();
      cancellation.cancel(rpcErrors.slowReader());
      expect((await end).status).toMatchObject({ code: RpcCode.resourceExhausted, coded: { module: "rpc", code: 1 } });
    }
    const gone = new Cancellation();
    gone.cancel();
    const end = await pump((async function* () {})(), gone, () => undefined);
    expect(end.status.code).toBe(RpcCode.cancelled);
  });

  test("ends with the error of the source", async () => {
    const items = (async function* () {
      yield chunk;
      throw new CodedError("roothash", 2, "roothash: not found");
    })();
    const end = await pump(items, new Cancellation(), (_item, sent) => sent());
    expect(end.status.coded).toEqual({ module: "roothash", code: 2 });
  });
});
