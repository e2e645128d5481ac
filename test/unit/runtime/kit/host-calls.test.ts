import { describe, expect, test } from "vitest";
import { concatBytes, utf8 } from "#common/bytes.js";
import { Fault } from "#common/errors/index.js";
import { defineRuntime, localMethod, noArguments, text } from "#runtime/kit/index.js";
import { HostCalls, type HostChannel, HostGone } from "#runtime/kit/host-calls.js";
import { LocalRequest } from "#runtime/kit/local.js";
import { serve } from "#runtime/kit/serve.js";
import { type Body, bodyOf, Message, MESSAGE_TYPE } from "#runtime/rhp/messages/index.js";
import { INFO } from "../support/kit.ts";

const request = (id: bigint, body: Body): Uint8Array => Message.encode({ id, messageType: MESSAGE_TYPE.request, body });
const response = (id: bigint, body: Body): Uint8Array =>
  Message.encode({ id, messageType: MESSAGE_TYPE.response, body });
const ping = bodyOf("RuntimePingRequest", {});
const identity = bodyOf("HostIdentityResponse", { nodeId: new Uint8Array(32).fill(9) });

/** A host that says what it is told to say, whatever it is asked. */
class Said implements HostChannel {
  readonly sent: Message[] = [];
  constructor(private readonly queue: (Uint8Array | (() => Uint8Array))[]) {}

  receive(): Uint8Array | undefined {
    const next = this.queue.shift();
    return typeof next === "function" ? next() : next;
  }

  send(bytes: Uint8Array): void {
    this.sent.push(Message.decode(bytes, "rpc"));
  }
}

function calling(...queue: Uint8Array[]) {
  const channel = new Said(queue);
  const dropped: string[] = [];
  return { calls: new HostCalls(channel, (reason) => dropped.push(reason)), channel, dropped };
}

describe("a runtime that asks its host", () => {
  test("takes the answer to its own request, whatever comes before it", () => {
    const { calls, channel, dropped } = calling(
      response(7n, identity),
      utf8("no message"),
      concatBytes(response(0n, identity), Uint8Array.of(0)),
      Message.encode({ id: 0n, messageType: 3, body: ping }),
      request(0n, ping),
      request(1n, ping),
      response(0n, identity),
    );
    expect(calls.call("HostIdentityRequest", {})).toEqual({ nodeId: new Uint8Array(32).fill(9) });
    expect(channel.sent.map(({ id, body }) => [id, body.type])).toEqual([[0n, "HostIdentityRequest"]]);
    expect(dropped).toHaveLength(4);
    // Requests that came meanwhile have their turn afterwards, in their order.
    expect(calls.nextRequest()?.id).toBe(0n);
    expect(calls.nextRequest()?.id).toBe(1n);
    expect(calls.nextRequest()).toBeUndefined();
  });

  test("is told the host's error, and gives up on an answer of another kind or when the host is gone", () => {
    const error = bodyOf("Error", { module: "storage", code: 3, message: "no" });
    expect(() => calling(response(0n, error)).calls.call("HostIdentityRequest", {})).toThrow(
      expect.objectContaining({ module: "storage", code: 3 }),
    );
    const other = bodyOf("HostFetchGenesisHeightResponse", { height: 1n });
    expect(() => calling(response(0n, other)).calls.call("HostIdentityRequest", {})).toThrow(Fault);
    expect(() => calling().calls.call("HostIdentityRequest", {})).toThrow(HostGone);
  });

  test("holds no more requests than it can", () => {
    const many = Array.from({ length: 1030 }, (_, i) => request(BigInt(i), ping));
    const { calls, dropped } = calling(...many, response(0n, identity));
    calls.call("HostIdentityRequest", {});
    expect(dropped).toEqual(Array(6).fill("more than 1024 requests wait"));
  });
});

describe("a served runtime", () => {
  const program = defineRuntime({
    version: { major: 0, minor: 0, patch: 0 },
    methods: {},
    localMethods: {
      big: localMethod({ args: noArguments, result: text({ max: 1 << 30 }), execute: () => "x".repeat(33 << 20) }),
      broken: localMethod({
        args: noArguments,
        result: noArguments,
        execute() {
          throw new TypeError("bug");
        },
      }),
    },
  });
  const local = (method: string): Body =>
    bodyOf("RuntimeLocalRPCCallRequest", { request: LocalRequest.encode({ method, args: Uint8Array.of(0xf6) }) });

  test("answers in order and goes on after requests that it refuses", () => {
    const host = new Said([
      request(5n, ping),
      request(6n, local("big")),
      request(7n, INFO),
      request(8n, INFO),
      request(9n, local("big")),
      request(5n, ping),
    ]);
    serve(program, host, () => undefined);
    expect(host.sent.map(({ id, body }) => [id, body.type === "Error" ? body.value.module : body.type])).toEqual([
      [5n, "Empty"],
      [6n, "rhp/dispatcher"],
      [7n, "RuntimeInfoResponse"],
      [8n, "rhp/dispatcher"],
      [9n, "rhp/write"],
      [5n, "Empty"],
    ]);
  });

  test("ends with the error that broke it", () => {
    const host = new Said([request(0n, INFO), request(1n, local("broken")), request(2n, ping)]);
    expect(() => serve(program, host, () => undefined)).toThrow(new TypeError("bug"));
    expect(host.sent).toHaveLength(1);
  });
});
