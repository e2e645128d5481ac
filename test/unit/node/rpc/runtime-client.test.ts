/** What clients see of RuntimeClient and Storage where there is nothing to see: statuses and empty answers. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fromUtf8, toHex } from "#common/bytes.js";
import { Cancellation } from "#common/cancellation.js";
import { DecodeError } from "#common/errors/index.js";
import { EMPTY_HASH } from "#common/hash.js";
import { createClient, RpcCode, type RpcStatus, statusOf } from "#common/rpc/index.js";
import { Block } from "#consensus/services/roothash/types.js";
import { ROOT_STATE } from "#mkvs/node/root.js";
import { diffItems } from "#node/rpc/diff-items.js";
import { ROUND_LATEST } from "#runtime/history/block-history.js";
import { runtimeClientMethods } from "#worker/client/rpc.js";
import { storageMethods } from "#worker/storage/rpc.js";
import { buildNetwork, type BuiltNetwork, RUNTIME_ID } from "../../../interop/support/network.ts";
import { insertCall, keyArgs } from "../../worker/support/local-network.ts";

const UNKNOWN_ID = RUNTIME_ID.with(31, 9);
const NOTHING = new Uint8Array(0);
const FUTURE = 1_000_000n;

let built: BuiltNetwork;
beforeAll(async () => {
  built = buildNetwork();
  await built.network.start();
});
afterAll(() => built.network.stop());

const { methods } = runtimeClientMethods;

function answerTo(path: string, request: Uint8Array): Promise<Uint8Array> {
  const answer = built.handler.handle(path, request, { cancellation: new Cancellation().token });
  if (answer.kind === "unary") return answer.result;
  return answer.items[Symbol.asyncIterator]()
    .next()
    .then(({ value }) => value as Uint8Array);
}

/** The encoded answer of a method, or the status with which it fails. */
async function outcomeOf(path: string, request: Uint8Array): Promise<string | RpcStatus> {
  return await answerTo(`/oasis-core.${path}`, request).then(toHex, statusOf);
}

const client = () =>
  createClient(runtimeClientMethods, {
    unary: (path, request) => answerTo(path, request),
    stream: () => {
      throw new DecodeError("no streams here");
    },
  });

const encodedId = (runtimeId: Uint8Array) => methods.GetGenesisBlock.request.encode(runtimeId);
const at = (runtimeId: Uint8Array, round: bigint) => methods.GetBlock.request.encode({ runtimeId, round });
const transaction = (runtimeId: Uint8Array, data: Uint8Array) => methods.SubmitTx.request.encode({ runtimeId, data });
const query = (runtimeId: Uint8Array, round: bigint, method: string, component?: { kind: string; name: string }) =>
  methods.Query.request.encode({ runtimeId, component, round, method, args: keyArgs("k") });

function reading(namespace: Uint8Array): Uint8Array {
  const root = { namespace, version: 0n, type: ROOT_STATE, hash: EMPTY_HASH };
  return storageMethods.methods.SyncIterate.request.encode({
    tree: { root, position: EMPTY_HASH },
    key: NOTHING,
    prefetch: 0,
    proofVersion: 0,
  });
}

const uncoded = (message: string): RpcStatus => ({ code: RpcCode.unknown, message });
const NO_HOSTED = {
  code: RpcCode.unknown,
  message: "client: no hosted runtime is available",
  coded: { module: "runtime/client", code: 6 },
};
const NOT_REGISTERED = uncoded(`runtime/registry: runtime ${toHex(UNKNOWN_ID)} not found`);
const NO_BLOCK = { message: "roothash: block not found", coded: { module: "roothash", code: 2 } };

describe("Of a runtime that the node does not have", () => {
  test.each(["SubmitTx", "SubmitTxMeta", "SubmitTxNoWait", "CheckTx"])(
    "%s says that none is hosted",
    async (method) => {
      expect(await outcomeOf(`RuntimeClient/${method}`, transaction(UNKNOWN_ID, NOTHING))).toEqual(NO_HOSTED);
    },
  );

  test("queries say the same", async () => {
    expect(await outcomeOf("RuntimeClient/Query", query(UNKNOWN_ID, 0n, "get"))).toEqual(NO_HOSTED);
  });

  test.each(["GetBlock", "GetTransactions", "GetTransactionsWithResults", "GetEvents"])(
    "%s says that it is not registered, without a code",
    async (method) => {
      expect(await outcomeOf(`RuntimeClient/${method}`, at(UNKNOWN_ID, 0n))).toEqual(NOT_REGISTERED);
    },
  );

  test.each(["RuntimeClient/GetLastRetainedBlock", "RuntimeClient/WatchBlocks"])("%s says so too", async (method) => {
    expect(await outcomeOf(method, encodedId(UNKNOWN_ID))).toEqual(NOT_REGISTERED);
  });

  test.each(["RuntimeClient/StateSyncIterate", "Storage/SyncIterate"])("%s says so too", async (method) => {
    expect(await outcomeOf(method, reading(UNKNOWN_ID))).toEqual(NOT_REGISTERED);
  });

  test("the consensus layer knows no first block", async () => {
    expect(await outcomeOf("RuntimeClient/GetGenesisBlock", encodedId(UNKNOWN_ID))).toEqual({
      code: RpcCode.unknown,
      message: "roothash: invalid runtime",
      coded: { module: "roothash", code: 3 },
    });
  });

  test("there are no unconfirmed transactions", async () => {
    expect(await outcomeOf("RuntimeClient/GetUnconfirmedTransactions", encodedId(UNKNOWN_ID))).toEqual({
      code: RpcCode.unknown,
      message: "client: not found",
      coded: { module: "runtime/client", code: 1 },
    });
  });
});

describe("Of a round that does not exist", () => {
  test("the block is not found, and the status says so too", async () => {
    const answer = await outcomeOf("RuntimeClient/GetBlock", at(RUNTIME_ID, FUTURE));
    expect(answer).toEqual({ ...NO_BLOCK, code: RpcCode.notFound });
  });

  test("a query says where it looked", async () => {
    expect(await outcomeOf("RuntimeClient/Query", query(RUNTIME_ID, FUTURE, "get"))).toEqual({
      code: RpcCode.notFound,
      message: "client: failed to fetch annotated block from history: roothash: block not found",
      coded: { module: "roothash", code: 2 },
    });
  });

  test.each(["GetTransactions", "GetTransactionsWithResults", "GetEvents"])(
    "%s has the code but no status of its own",
    async (method) => {
      const answer = await outcomeOf(`RuntimeClient/${method}`, at(RUNTIME_ID, FUTURE));
      expect(answer).toEqual({ ...NO_BLOCK, code: RpcCode.unknown });
    },
  );
});

describe("Of a round without transactions", () => {
  test("lists are empty or null as in the reference", async () => {
    const outcome = (method: string) => outcomeOf(`RuntimeClient/${method}`, at(RUNTIME_ID, 0n));
    expect(await outcome("GetTransactions")).toBe("80");
    expect(await outcome("GetTransactionsWithResults")).toBe("f6");
    expect(await outcome("GetEvents")).toBe("80");
  });

  test("nothing waits, and nothing is kept at a round", async () => {
    const id = encodedId(RUNTIME_ID);
    expect(await outcomeOf("RuntimeClient/GetUnconfirmedTransactions", id)).toBe("f6");
    const wanted = { namespace: RUNTIME_ID, rootVersion: FUTURE };
    const checkpoints = (version: number) =>
      outcomeOf("Storage/GetCheckpoints", storageMethods.methods.GetCheckpoints.request.encode({ ...wanted, version }));
    expect(await checkpoints(1)).toBe("f6");
    expect(await checkpoints(7)).toBe("80");
  });

  test("the first block is that of round 0, and the latest is never older", async () => {
    const first = await answerTo("/oasis-core.RuntimeClient/GetGenesisBlock", encodedId(RUNTIME_ID));
    expect(toHex(first)).toBe(await outcomeOf("RuntimeClient/GetBlock", at(RUNTIME_ID, 0n)));
    const latest = Block.decode(await answerTo("/oasis-core.RuntimeClient/GetBlock", at(RUNTIME_ID, ROUND_LATEST)));
    expect(latest.header.round).toBeGreaterThanOrEqual(0n);
  });
});

describe("A transaction that is not taken", () => {
  test("because it was seen has a text but no code, checks included", async () => {
    const data = insertCall("erin", 0n, "k", "v");
    await client().SubmitTxMeta({ runtimeId: RUNTIME_ID, data });
    const again = transaction(RUNTIME_ID, data);
    for (const method of ["SubmitTx", "SubmitTxMeta", "SubmitTxNoWait", "CheckTx"]) {
      expect(await outcomeOf(`RuntimeClient/${method}`, again)).toEqual(uncoded("duplicate transaction"));
    }
  });

  test("because the queue prefers another is told with the queue's words", async () => {
    const [first, second] = ["one", "two"].map((value) => insertCall("frank", 5n, "k", value)) as [
      Uint8Array,
      Uint8Array,
    ];
    await client().SubmitTxNoWait({ runtimeId: RUNTIME_ID, data: first });
    const { checkTxError } = await client().SubmitTxMeta({ runtimeId: RUNTIME_ID, data: second });
    const message = "replacement transaction underpriced";
    expect(checkTxError).toEqual({ module: "txpool", code: 1, message });
    expect(await outcomeOf("RuntimeClient/SubmitTx", transaction(RUNTIME_ID, second))).toEqual({
      code: RpcCode.unknown,
      message: `client: transaction check failed: runtime error: module: txpool code: 1 message: ${message}`,
      coded: { module: "runtime/client", code: 5 },
    });
    const waiting = await client().GetUnconfirmedTransactions(RUNTIME_ID);
    expect(waiting?.map(toHex)).toEqual([toHex(first)]);
  });
});

test("a query for a component that is not there names it", async () => {
  const wanted = query(RUNTIME_ID, 0n, "get", { kind: "rofl", name: "oracle" });
  expect(await outcomeOf("RuntimeClient/Query", wanted)).toEqual(uncoded("component 'rofl (oracle)' not found"));
});

describe("A write log as a stream", () => {
  const log = (count: number) => Array.from({ length: count }, (_, i) => [Uint8Array.of(i), Uint8Array.of(1)] as const);
  /** Number of entries of each item, with a mark at the last of the log. */
  const shapeOf = (count: number, limit: number, offsetKey: Uint8Array = NOTHING): string[] =>
    Array.from(diffItems(log(count), { offsetKey, limit: BigInt(limit) })).map(
      ({ final, writeLog }) => `${writeLog?.length ?? "null"}${final ? " final" : ""}`,
    );

  test.each([
    [0, 0, ["null final"]],
    [3, 0, ["3 final"]],
    [10, 0, ["10", "null final"]],
    [25, 0, ["10", "10", "5 final"]],
    [25, 1, ["1"]],
    [25, 9, ["9"]],
    [25, 12, ["10", "2"]],
    [3, 3, ["3"]],
    [3, 4, ["3 final"]],
    // The reference looks at the limit only while an item is not full.
    [25, 10, ["10", "1"]],
    [10, 10, ["10", "null final"]],
    [25, 20, ["10", "10", "1"]],
  ])("of %i entries with limit %i comes in %j", (count, limit, shape) => {
    expect(shapeOf(count, limit)).toEqual(shape);
  });

  test("begins after the offset, and gives nothing after one that is not there", () => {
    expect(shapeOf(25, 0, Uint8Array.of(19))).toEqual(["5 final"]);
    expect(shapeOf(25, 0, Uint8Array.of(99))).toEqual(["null final"]);
    const [item] = diffItems(log(25), { offsetKey: Uint8Array.of(3), limit: 2n });
    expect(item?.writeLog?.map(([key]) => fromUtf8(key).codePointAt(0))).toEqual([4, 5]);
  });
});
