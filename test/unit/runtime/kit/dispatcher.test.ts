import { describe, expect, test } from "vitest";
import { fromUtf8, toHex, u64be, utf8 } from "#common/bytes.js";
import { MemorySigner, TEST_KEYS_POLICY, verify } from "#common/crypto/signature.js";
import { EMPTY_HASH, hash } from "#common/hash.js";
import {
  COMPUTE_RESULTS_CONTEXT,
  ComputeResultsHeader,
  headerHash,
  messagesHash,
} from "#consensus/services/roothash/types.js";
import { ADDRESS_ZERO } from "../support/address.ts";
import { defineRuntime, Dispatcher, method, noArguments, nullable, refuse, struct, text } from "#runtime/kit/index.js";
import { type BodyValue, bodyOf, type RuntimeExecuteTxBatchResponse } from "#runtime/rhp/messages/index.js";
import { call, RUNTIME_ID, TestNode } from "../support/node.ts";

class Pair extends struct("Pair", { key: text({ max: 20_000 }), value: text({ max: 1000 }) }) {}

const Answer = nullable(text({ max: 1000 }));

const program = defineRuntime({
  version: { major: 1, minor: 2, patch: 3 },
  module: "example",
  maxBatchSize: 3,
  beginBlock: (ctx) => ctx.state.insert(utf8("round"), u64be(ctx.round)),
  methods: {
    put: method({ args: Pair, result: Answer, execute: (ctx, { key, value }) => ctx.state.putText(key, value) }),
    putThenFail: method({
      args: Pair,
      result: Answer,
      execute(ctx, { key, value }) {
        ctx.emit("tag", "lost");
        ctx.state.putText(key, value);
        return refuse("changed my mind");
      },
    }),
    sendThenFail: method({
      args: noArguments,
      result: Answer,
      execute(ctx) {
        ctx.emitMessage({ staking: { v: 0, transfer: { to: ADDRESS_ZERO, amount: 1n } } });
        return refuse("changed my mind");
      },
    }),
    putBytes: method({
      args: Pair,
      result: Answer,
      execute(ctx, { key, value }) {
        ctx.state.insert(utf8(key), Uint8Array.from(value.split(",").map(Number)));
        return null;
      },
    }),
    take: method({ args: Pair, result: Answer, execute: (ctx, { key }) => ctx.state.takeText(key) }),
    tagged: method({
      args: Pair,
      result: Answer,
      execute(ctx, { key, value }) {
        ctx.emit(key, value);
        ctx.emit(key, `${value} again`);
        return null;
      },
    }),
    send: method({
      args: noArguments,
      result: Answer,
      execute: (ctx) =>
        `${ctx.emitMessage({ staking: { v: 0, transfer: { to: ADDRESS_ZERO, amount: BigInt(ctx.sender.length) } } })}`,
    }),
    crash: method({
      args: noArguments,
      result: Answer,
      execute() {
        throw new TypeError("bug");
      },
    }),
  },
  queries: { look: method({ args: Pair, result: Answer, execute: (ctx, { key }) => ctx.state.getText(key) }) },
});

function pair(key: string, value = ""): Uint8Array {
  return Pair.encode({ key, value });
}

class Session {
  readonly node = new TestNode();
  readonly dispatcher: Dispatcher;

  constructor(of = program) {
    this.dispatcher = new Dispatcher(of, this.node);
    this.dispatcher.handle(
      bodyOf("RuntimeInfoRequest", {
        runtimeId: RUNTIME_ID,
        consensusBackend: "tendermint",
        consensusProtocolVersion: { major: 7, minor: 0, patch: 0 },
        consensusChainContext: "",
      }),
    );
  }

  execute(request: BodyValue<"RuntimeExecuteTxBatchRequest">): RuntimeExecuteTxBatchResponse {
    const body = this.dispatcher.handle(bodyOf("RuntimeExecuteTxBatchRequest", request));
    if (body.type !== "RuntimeExecuteTxBatchResponse") throw new TypeError(body.type);
    return body.value;
  }

  schedule(...inputs: Uint8Array[]): RuntimeExecuteTxBatchResponse {
    return this.execute(this.node.scheduling(inputs));
  }

  /** Schedules a batch, makes it a block and returns the decoded outputs of its transactions. */
  run(...inputs: Uint8Array[]): string[] {
    const response = this.schedule(...inputs);
    this.node.finalize(response);
    return outputsOf(response);
  }

  query(name: string, args: Uint8Array): Uint8Array {
    const body = this.dispatcher.handle(bodyOf("RuntimeQueryRequest", this.node.querying(name, args)));
    if (body.type !== "RuntimeQueryResponse") throw new TypeError(body.type);
    return body.value.data;
  }

  check(...inputs: Uint8Array[]): BodyValue<"RuntimeCheckTxBatchResponse">["results"] {
    const body = this.dispatcher.handle(bodyOf("RuntimeCheckTxBatchRequest", this.node.checking(inputs)));
    if (body.type !== "RuntimeCheckTxBatchResponse") throw new TypeError(body.type);
    return body.value.results;
  }
}

/** The raw outputs, in the order of the I/O log's keys: enough for batches of one. */
function outputsOf(response: RuntimeExecuteTxBatchResponse): string[] {
  return response.batch.ioWriteLog.flatMap(([key, value]) =>
    key[0] === 0x54 && key.at(-1) === 2 ? [toHex(value ?? new Uint8Array(0))] : [],
  );
}

const hexText = (value: string): string => toHex(utf8(value));

describe("executing", () => {
  test("results, roots and signature fit together, and a second member computes the same batch", () => {
    const s = new Session();
    const inputs = [call("a", 0, "put", pair("k", "v")), call("a", 1, "tagged", pair("t", "x"))];
    const response = s.schedule(...inputs);
    const { header, rakSig } = response.batch;
    expect(header.round).toBe(1n);
    expect(header.previousHash).toEqual(headerHash(s.node.header));
    expect(header.messagesHash).toEqual(EMPTY_HASH);
    expect(header.inMessagesHash).toEqual(EMPTY_HASH);
    expect(response.txHashes).toEqual(inputs.map((input) => hash(input)));
    const key = MemorySigner.fromTestName("ekiden test key manager RAK seed").publicKey;
    const message = ComputeResultsHeader.encode(header);
    expect(verify(key, COMPUTE_RESULTS_CONTEXT, message, rakSig, { policy: TEST_KEYS_POLICY })).toBe(true);
    const other = s.execute({ ...s.node.scheduling(inputs), mode: 0, ioRoot: response.txInputRoot });
    expect(other).toEqual(response);
    s.node.finalize(response);
    expect(s.node.header.stateRoot).toEqual(header.stateRoot);
    expect(s.node.header.ioRoot).toEqual(header.ioRoot);
    expect(s.query("look", pair("k"))).toEqual(Answer.encode("v"));
  });

  test("the write log has insertions in key order, then removals in key order", () => {
    const s = new Session();
    s.run(
      call("a", 0, "put", pair("b", "1")),
      call("a", 1, "put", pair("d", "1")),
      call("a", 2, "put", pair("c", "1")),
    );
    const response = s.schedule(
      call("a", 3, "take", pair("d")),
      call("a", 4, "take", pair("b")),
      call("a", 5, "put", pair("a", "2")),
    );
    const log = response.batch.stateWriteLog.map(([key, value]) => [toHex(key), value === null]);
    expect(log).toEqual([
      [hexText("a"), false],
      [hexText("round"), false],
      [`ff${hexText("a")}`, false],
      [hexText("b"), true],
      [hexText("d"), true],
    ]);
  });

  test("a refused call leaves nothing but its nonce; one of a runtime that wants it so also its writes", () => {
    for (const keepRefused of [false, true]) {
      const s = new Session({ ...program, keepRefused });
      const [output] = s.run(call("a", 0, "putThenFail", pair("k", "kept")));
      expect(output).toContain(hexText("changed my mind"));
      expect(s.query("look", pair("k"))).toEqual(Answer.encode(keepRefused ? "kept" : null));
      expect(s.run(call("a", 1, "put", pair("k", "v")))[0]).toContain(keepRefused ? hexText("kept") : "f6");
    }
  });

  test("of two tags with one key the last stays", () => {
    const s = new Session();
    const { batch } = s.schedule(call("a", 0, "tagged", pair("t", "x")));
    const tags = batch.ioWriteLog.filter(([key]) => key[0] === 0x45).map(([, value]) => fromUtf8(value ?? EMPTY_HASH));
    expect(tags).toEqual(["x again"]);
  });

  test("a key that the tree cannot hold is refused and the batch goes on", () => {
    const s = new Session();
    const long = "x".repeat(9000);
    expect(s.run(call("a", 0, "put", pair(long, "v")))[0]).toContain(hexText("limit 8191"));
    expect(s.run(call("a", 1, "tagged", pair(long, "v")))[0]).toContain(hexText("limit 8158"));
  });

  test("messages carry their indices, and one more than the round may have is refused", () => {
    const s = new Session();
    const response = s.schedule(call("a", 0, "send"), call("bb", 0, "send"));
    expect(response.batch.messages).toHaveLength(2);
    expect(response.batch.header.messagesHash).toEqual(messagesHash(response.batch.messages));
    const limited = s.execute({ ...s.node.scheduling([call("a", 0, "send"), call("bb", 0, "send")]), maxMessages: 1 });
    expect(limited.batch.messages).toHaveLength(1);
    expect(outputsOf(limited).join()).toContain(hexText("message limit too low"));
  });

  test("a refused call sends nothing", () => {
    const s = new Session();
    const response = s.schedule(call("a", 0, "sendThenFail"), call("bb", 0, "send"));
    expect(response.batch.messages).toEqual([{ staking: { v: 0, transfer: { to: ADDRESS_ZERO, amount: 2n } } }]);
  });

  test("values that are no text are refused in the words of the reference", () => {
    const cases: [string, string][] = [
      ["0,128", "invalid utf-8 sequence of 1 bytes from index 1"],
      ["97,226,130", "incomplete utf-8 byte sequence from index 1"],
      ["226,130,65", "invalid utf-8 sequence of 2 bytes from index 0"],
      ["237,160,128", "invalid utf-8 sequence of 1 bytes from index 0"],
      ["240,159,146,65", "invalid utf-8 sequence of 3 bytes from index 0"],
    ];
    cases.forEach(([bytes, message]) => {
      const s = new Session();
      s.run(call("a", 0, "putBytes", pair("k", bytes)));
      expect(s.run(call("a", 1, "take", pair("k")))[0]).toContain(hexText(message));
    });
  });

  test("incoming messages are executed as transactions without results, malformed ones passed over", () => {
    const s = new Session();
    const message = { id: 0n, caller: ADDRESS_ZERO, tag: 0n, fee: 0n, tokens: 0n };
    const inMsgs = [
      { ...message, data: call("a", 0, "put", pair("k", "v")) },
      { ...message, id: 1n, data: utf8("junk") },
    ];
    const response = s.execute({ ...s.node.scheduling([]), inMsgs });
    expect(response.batch.header.inMessagesCount).toBe(2);
    expect(response.batch.ioWriteLog).toEqual([]);
    s.node.finalize(response);
    expect(s.query("look", pair("k"))).toEqual(Answer.encode("v"));
  });
});

describe("scheduling", () => {
  test("what fails the check is rejected, the same transaction twice is taken once, the size is kept", () => {
    const s = new Session();
    const used = call("a", 0, "put", pair("k", "v"));
    s.run(used);
    const good = call("a", 1, "put", pair("k", "w"));
    const unknown = call("a", 2, "nothing");
    const response = s.schedule(
      used,
      utf8("junk"),
      unknown,
      good,
      good,
      call("b", 0, "send"),
      call("c", 0, "send"),
      call("d", 0, "send"),
    );
    expect(response.txHashes.map(toHex)).toEqual(
      [good, call("b", 0, "send"), call("c", 0, "send")].map((tx) => toHex(hash(tx))),
    );
    expect(response.txRejectHashes.map(toHex)).toEqual([used, utf8("junk"), unknown].map((tx) => toHex(hash(tx))));
  });

  test("a nonce beyond the next one passes the check and fails in execution", () => {
    const s = new Session();
    expect(s.run(call("a", 7, "put", pair("k", "v")))[0]).toContain(hexText("Invalid nonce: 7"));
    expect(s.query("look", pair("k"))).toEqual(Answer.encode(null));
  });
});

describe("checking", () => {
  test("every transaction has a result of its own", () => {
    const s = new Session();
    s.run(call("a", 0, "put", pair("k", "v")));
    const results = s.check(
      call("a", 3, "put", pair("k", "v")),
      utf8("junk"),
      call("a", 0, "put", pair("k", "v")),
      call("a", 1, "nothing"),
      call("a", 1, "put", Uint8Array.of(1)),
    );
    expect(results[0]).toEqual({
      error: { module: "", code: 0, message: "" },
      meta: { priority: 0n, sender: utf8("a"), senderSeq: 3n, senderStateSeq: 1n },
    });
    expect(results.slice(1).map(({ error, meta }) => [error.module, error.code, error.message, meta])).toEqual([
      ["example", 1, "malformed transaction", null],
      ["example", 1, "Invalid nonce: 0", null],
      ["example", 1, "method not found", null],
      ["example", 1, "malformed call arguments", null],
    ]);
  });

  test("nothing that a check or a query writes lasts", () => {
    const s = new Session();
    s.check(call("a", 0, "put", pair("k", "v")));
    expect(s.query("look", pair("k"))).toEqual(Answer.encode(null));
    expect(s.check(call("a", 0, "put", pair("k", "v")))[0]?.meta?.senderStateSeq).toBe(0n);
  });
});

describe("requests that are refused", () => {
  const thrown = (action: () => unknown): unknown => {
    try {
      return action();
    } catch (error) {
      return error;
    }
  };

  test("a batch of another runtime, a wrong input root and a malformed input are answered with an error", () => {
    const s = new Session();
    const request = s.node.scheduling([call("a", 0, "send")]);
    const foreign = { ...request, block: { header: { ...s.node.header, namespace: new Uint8Array(32) } } };
    expect(thrown(() => s.execute(foreign))).toMatchObject({ module: "dispatcher", code: 1 });
    expect(thrown(() => s.execute({ ...request, mode: 0 }))).toMatchObject({ module: "dispatcher", code: 1 });
    const malformed = { ...request, mode: 0, inputs: [utf8("junk")] };
    expect(thrown(() => s.execute(malformed))).toMatchObject({ module: "example", message: "malformed transaction" });
  });

  test("a query with an unknown name or wrong arguments is answered with an error", () => {
    const s = new Session();
    expect(thrown(() => s.query("put", pair("k")))).toMatchObject({ module: "example", message: "method not found" });
    expect(thrown(() => s.query("look", utf8("?")))).toMatchObject({ message: "malformed call arguments" });
    expect(thrown(() => s.query("toString", pair("k")))).toMatchObject({ message: "method not found" });
  });

  test("a bug in the runtime's code is no answer", () => {
    const s = new Session();
    expect(thrown(() => s.schedule(call("a", 0, "crash")))).toEqual(new TypeError("bug"));
  });
});
