import { describe, expect, test } from "vitest";
import { concatBytes, fromUtf8, toHex, utf8 } from "#common/bytes.js";
import { MemorySigner } from "#common/crypto/signature.js";
import { CodedError } from "#common/errors/index.js";
import { hash } from "#common/hash.js";
import { raw } from "#common/schema/index.js";
import { NodeDbSyncer, type ReadSyncer } from "#mkvs/sync.js";
import {
  bytes,
  CallOutput,
  defineEvent,
  defineRuntime,
  type HostPort,
  localMethod,
  method,
  noArguments,
  openSignedCall,
  refuse,
  signCall,
  text,
  u64,
} from "#runtime/kit/index.js";
import { LocalAnswer, LocalRequest } from "#runtime/kit/local.js";
import type { HostChannel } from "#runtime/kit/host-calls.js";
import { serve } from "#runtime/kit/serve.js";
import { type Body, bodyOf, Message, MESSAGE_TYPE, RPC_KIND } from "#runtime/rhp/messages/index.js";
import { CHAIN_CONTEXT, INFO, introduced, scheduled, tagsOf } from "../support/kit.ts";
import { call, RUNTIME_ID, TestNode } from "../support/node.ts";

const version = { major: 0, minor: 0, patch: 0 };
const data = bytes({ max: 100 });

describe("what a call sees", () => {
  const seen = defineRuntime({
    version,
    methods: {
      dice: method({ args: text({ max: 10 }), result: data, execute: (ctx, purpose) => ctx.entropy(purpose).read(16) }),
      time: method({ args: noArguments, result: u64, execute: (ctx) => ctx.time }),
      mode: method({ args: noArguments, result: text({ max: 10 }), execute: (ctx) => ctx.mode }),
      walk: method({
        args: noArguments,
        result: text({ max: 100 }),
        execute({ state }) {
          for (const key of ["a/2", "b/1", "a/1"]) state.putText(key, key.toUpperCase());
          return Array.from(state.entries(utf8("a/")), ([key, value]) => `${fromUtf8(key)}=${fromUtf8(value)}`).join();
        },
      }),
      supply: method({ args: noArguments, result: u64, execute: (ctx) => ctx.consensus.totalSupply }),
    },
    queries: { mode: method({ args: noArguments, result: text({ max: 10 }), execute: (ctx) => ctx.mode }) },
  });

  function outputs(...inputs: Uint8Array[]): string[] {
    const node = new TestNode();
    const { batch } = scheduled(introduced(seen, node), node.scheduling(inputs));
    const found = new Map(batch.ioWriteLog.map(([key, value]) => [toHex(key), value]));
    return inputs.map((input) => {
      const value = found.get(`54${toHex(hash(input))}02`) ?? expect.unreachable("no output");
      return toHex(CallOutput.decode(value.subarray(value[1] === 0x58 ? 3 : 2)).value as Uint8Array);
    });
  }

  test("random numbers are the same for everybody, and others for each call and purpose", () => {
    const purpose = text({ max: 10 });
    const inputs = ["x", "y", "x"].map((name, i) => call("a", i, "dice", purpose.encode(name)));
    const numbers = outputs(...inputs);
    expect(outputs(...inputs)).toEqual(numbers);
    expect(new Set(numbers).size).toBe(3);
  });

  test("time is that of the last block, the mode says what it runs for, entries come in key order", () => {
    const [time, mode, walk] = outputs(call("a", 0, "time"), call("a", 1, "mode"), call("a", 2, "walk"));
    expect(time).toBe(toHex(u64.encode(1_700_000_000n)));
    expect(mode).toBe(toHex(text({ max: 10 }).encode("execute")));
    expect(walk).toBe(toHex(text({ max: 100 }).encode("a/1=A/1,a/2=A/2")));
    const node = new TestNode();
    const answer = introduced(seen, node).handle(
      bodyOf("RuntimeQueryRequest", node.querying("mode", noArguments.encode(null))),
    );
    expect(answer).toEqual(bodyOf("RuntimeQueryResponse", { data: text({ max: 10 }).encode("query") }));
  });

  test("where nobody shows the consensus layer, reading it stops the batch and not the runtime", () => {
    const node = new TestNode();
    expect(() => scheduled(introduced(seen, node), node.scheduling([call("a", 0, "supply")]))).toThrow(CodedError);
  });

  test("what a block emits belongs to no transaction", () => {
    const began = defineEvent("began", u64);
    const program = defineRuntime({ version, methods: {}, beginBlock: (ctx) => ctx.emitEvent(began, ctx.round) });
    const node = new TestNode();
    const [tag] = tagsOf(scheduled(introduced(program, node), node.scheduling([])));
    expect(tag).toEqual({ key: utf8("began"), value: u64.encode(1n), txHash: new Uint8Array(32) });
  });
});

describe("signed calls", () => {
  const alice = MemorySigner.fromSeed(hash(utf8("alice")));
  const target = { runtimeId: RUNTIME_ID, chainContext: CHAIN_CONTEXT };
  const program = defineRuntime({
    version,
    decodeCall: openSignedCall,
    methods: { who: method({ args: noArguments, result: data, execute: (ctx) => ctx.sender }) },
  });
  const body = { nonce: 0n, method: "who", args: noArguments.encode(null) };

  function check(transaction: Uint8Array): string {
    const node = new TestNode();
    const answer = introduced(program, node).handle(bodyOf("RuntimeCheckTxBatchRequest", node.checking([transaction])));
    if (answer.type !== "RuntimeCheckTxBatchResponse") return answer.type;
    const [result] = answer.value.results;
    return result?.error.code === 0 ? toHex(result.meta?.sender ?? new Uint8Array(0)) : (result?.error.message ?? "");
  }

  test("count for one runtime of one chain, and for whoever has signed", () => {
    expect(check(signCall(alice, body, target))).toBe(toHex(alice.publicKey));
    const elsewhere = [
      { ...target, runtimeId: Uint8Array.from(RUNTIME_ID, (byte, i) => (i === 31 ? 1 : byte)) },
      { ...target, chainContext: "cd".repeat(32) },
    ];
    for (const other of elsewhere) expect(check(signCall(alice, body, other))).toBe("malformed transaction");
    const mallory = MemorySigner.fromSeed(hash(utf8("mallory")));
    const posing = { publicKey: alice.publicKey, sign: mallory.sign.bind(mallory) };
    expect(check(signCall(posing as never, body, target))).toBe("malformed transaction");
    const signed = signCall(alice, body, target);
    for (let i = 0; i < signed.length; i += 7) {
      const damaged = Uint8Array.from(signed, (byte, at) => (at === i ? byte ^ 4 : byte));
      expect(check(damaged), `byte ${i}`).toBe("malformed transaction");
    }
    expect(check(concatBytes(signed, Uint8Array.of(0)))).toBe("malformed transaction");
  });
});

describe("calls of the node", () => {
  const counter = utf8("counter");
  const program = defineRuntime({
    version,
    methods: {},
    localMethods: {
      count: localMethod({
        args: u64,
        result: u64,
        execute(ctx, add) {
          const sum = add + u64.decode(ctx.load(counter) ?? u64.encode(0n));
          ctx.store(counter, u64.encode(sum));
          return sum;
        },
      }),
      who: localMethod({ args: noArguments, result: data, execute: (ctx) => ctx.nodeId }),
      never: localMethod({ args: noArguments, result: data, execute: () => refuse("never") }),
    },
  });

  function local() {
    const stored = new Map<string, Uint8Array>();
    const ask: HostPort["ask"] = (kind, value) => {
      if (kind === "HostIdentityRequest") return { nodeId: RUNTIME_ID } as never;
      const { key, value: written } = value as { key: Uint8Array; value?: Uint8Array };
      if (written !== undefined) stored.set(toHex(key), written);
      return (written === undefined ? { value: stored.get(toHex(key)) ?? null } : {}) as never;
    };
    const node = new TestNode();
    const dispatcher = introduced(program, { openTree: (root) => node.openTree(root), ask });
    return (request: Uint8Array) => {
      const body = dispatcher.handle(bodyOf("RuntimeLocalRPCCallRequest", { request }));
      if (body.type !== "RuntimeLocalRPCCallResponse") throw new TypeError(body.type);
      return LocalAnswer.decode(body.value.response).value.body;
    };
  }

  test("have an answer of their own and remember what the node keeps", () => {
    const ask = local();
    const count = (add: bigint) => ask(LocalRequest.encode({ method: "count", args: u64.encode(add) }));
    expect(count(3n)).toEqual({ type: "Success", value: u64.encode(3n) });
    expect(count(4n)).toEqual({ type: "Success", value: u64.encode(7n) });
    const plain = (name: string) => ask(LocalRequest.encode({ method: name, args: noArguments.encode(null) }));
    expect(plain("who")).toEqual({ type: "Success", value: data.encode(RUNTIME_ID) });
    expect(plain("never")).toEqual({ type: "Error", value: "never" });
    const wrong = ask(LocalRequest.encode({ method: "count", args: text({ max: 10 }).encode("many") }));
    expect(wrong).toEqual({ type: "Error", value: "malformed call arguments" });
    expect(plain("toString")).toEqual({ type: "Error", value: 'method not found: "toString"' });
  });

  test("that cannot be read are answered with the reference's error", () => {
    expect(() => local()(utf8("?"))).toThrow("malformed request");
  });

  test("are not for others, who are told so, and there are no sessions", () => {
    const node = new TestNode();
    const dispatcher = introduced(program, { openTree: (root) => node.openTree(root) });
    const ask = (kind: number | undefined, request: Uint8Array) => {
      const body = dispatcher.handle(bodyOf("RuntimeRPCCallRequest", { request, kind, peerId: undefined }));
      if (body.type === "RuntimeLocalRPCCallResponse") return LocalAnswer.decode(body.value.response).value.body;
      if (body.type !== "RuntimeRPCCallResponse") throw new TypeError(body.type);
      return raw.decode(body.value.response);
    };
    const request = LocalRequest.encode({ method: "never", args: noArguments.encode(null) });
    const refused = utf8('invalid RPC kind: "never" (InsecureQuery)');
    expect(toHex(ask(RPC_KIND.insecureQuery, request) as Uint8Array)).toContain(toHex(refused));
    const elsewhere = LocalRequest.encode({ method: "nowhere", args: noArguments.encode(null) });
    expect(ask(RPC_KIND.localQuery, elsewhere)).toEqual({ type: "Error", value: 'method not found: "nowhere"' });
    const [payload, session] = [utf8("payload"), utf8("session")];
    const head = concatBytes(Uint8Array.of(0xa3, 0x67), payload, Uint8Array.of(0x40, 0x67), session);
    const id = concatBytes(Uint8Array.of(0x58, 32), new Uint8Array(32));
    const frame = concatBytes(head, id, Uint8Array.of(0x73), utf8("untrusted_plaintext"), utf8("`"));
    for (const kind of [undefined, RPC_KIND.noiseSession]) {
      expect(() => ask(kind, Uint8Array.of(1))).toThrow("malformed payload: unexpected type");
      expect(() => ask(kind, Uint8Array.of(0xff))).toThrow("malformed payload: parsing failed");
      expect(() => ask(kind, Uint8Array.of(0xa1, 0x61, 0x61, 1))).toThrow("malformed payload: unknown field");
      expect(() => ask(kind, frame)).toThrow("this runtime has no sessions");
    }
  });
});

describe("scheduling", () => {
  const program = defineRuntime({
    version,
    maxBatchSize: 4,
    methods: { ok: method({ args: noArguments, result: noArguments, execute: () => null }) },
  });

  test("asks for more transactions where some were rejected, as long as there are any", () => {
    const node = new TestNode();
    const limits: number[] = [];
    const queue = [call("e", 0, "ok"), utf8("junk"), call("f", 0, "ok"), call("g", 0, "ok")];
    const ask: HostPort["ask"] = (kind, value) => {
      expect(kind).toBe("HostFetchTxBatchRequest");
      const { limit } = value as { limit: number };
      limits.push(limit);
      return { batch: queue.splice(0, limit) } as never;
    };
    const dispatcher = introduced(program, { openTree: (root) => node.openTree(root), ask });
    const offered = [call("a", 0, "ok"), utf8("bad"), utf8("worse"), utf8("worst")];
    const response = scheduled(dispatcher, node.scheduling(offered));
    expect(limits).toEqual([3, 1]);
    expect(response.txHashes.map(toHex)).toEqual(
      [call("a", 0, "ok"), call("e", 0, "ok"), call("f", 0, "ok"), call("g", 0, "ok")].map((tx) => toHex(hash(tx))),
    );
    expect(response.txRejectHashes).toHaveLength(4);
    limits.length = 0;
    scheduled(dispatcher, node.scheduling(offered.slice(0, 3)));
    expect(limits).toEqual([]);
  });
});

describe("state over a connection", () => {
  const key = text({ max: 10 });
  const load = (prefetches: boolean) =>
    defineRuntime({
      version,
      methods: {
        put: method({ args: key, result: noArguments, execute: (ctx, k) => (ctx.state.putText(k, k), null) }),
        get: method({
          args: key,
          result: noArguments,
          prefetch: (k) => (prefetches ? [utf8(k)] : []),
          execute: (ctx, k) => (ctx.state.getText(k), null),
        }),
      },
    });

  /** What a runtime asks for while it executes a batch that reads a hundred keys. */
  function requests(prefetches: boolean): { readonly kinds: string[]; readonly root: string } {
    const node = new TestNode();
    const puts = Array.from({ length: 100 }, (_, i) => call("a", i, "put", key.encode(`k${i}`)));
    node.finalize(scheduled(introduced(load(false), node), node.scheduling(puts)));
    const gets = Array.from({ length: 100 }, (_, i) => call("b", i, "get", key.encode(`k${i}`)));
    const queue = [INFO, bodyOf("RuntimeExecuteTxBatchRequest", node.scheduling(gets))];
    const kinds: string[] = [];
    let root = "";
    const syncer: ReadSyncer = new NodeDbSyncer(node.db);
    const replies: Message[] = [];
    let id = 0n;
    const channel: HostChannel = {
      receive() {
        const reply = replies.shift();
        if (reply !== undefined) return Message.encode(reply);
        const body = queue.shift();
        return body && Message.encode({ id: id++, messageType: MESSAGE_TYPE.request, body });
      },
      send(bytesSent) {
        const { id: of, messageType, body } = Message.decode(bytesSent);
        if (body.type === "RuntimeExecuteTxBatchResponse")
          root = toHex(body.value.batch.header.stateRoot as Uint8Array);
        if (messageType !== MESSAGE_TYPE.request || body.type !== "HostStorageSyncRequest") return;
        const { syncGet, syncGetPrefixes, syncIterate } = body.value;
        kinds.push(syncGet ? "get" : syncGetPrefixes ? "prefixes" : "iterate");
        const proofResponse = syncGet
          ? syncer.syncGet(syncGet)
          : syncGetPrefixes
            ? syncer.syncGetPrefixes(syncGetPrefixes)
            : syncer.syncIterate(syncIterate as never);
        const answer: Body = bodyOf("HostStorageSyncResponse", { proofResponse });
        replies.push({ id: of, messageType: MESSAGE_TYPE.response, body: answer });
      },
    };
    serve(load(prefetches), channel, (reason) => expect.unreachable(reason));
    return { kinds, root };
  }

  test("what calls say that they will read is fetched in one request, and comes to the same", () => {
    const [one, many] = [requests(true), requests(false)];
    expect(one.root).toBe(many.root);
    expect(one.kinds.filter((kind) => kind === "prefixes")).toHaveLength(1);
    expect(one.kinds.length).toBeLessThan(5);
    expect(many.kinds.length).toBeGreaterThan(50);
  });
});
