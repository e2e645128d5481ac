import { describe, expect, test } from "vitest";
import { fromHex, utf8 } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import { raw, struct, u64, u8 } from "#common/schema/index.js";
import { queueStream } from "#runtime/host/queue-stream.js";
import { Connection, type RequestHandler } from "#runtime/rhp/connection.js";
import { CallFailure } from "#runtime/rhp/errors.js";
import { encodeFrame, FrameReader } from "#runtime/rhp/framing.js";
import { type Body, bodyOf, Message } from "#runtime/rhp/messages/index.js";
import type { Duplex } from "#runtime/rhp/transport.js";
import { KeptLog, ManualClock, settle } from "../support/world.ts";

interface Bench {
  readonly clock: ManualClock;
  readonly log: KeptLog;
  readonly connection: Connection;
  /** What the connection sent, decoded. */
  readonly sent: Message[];
  /** Lets the other side send. */
  send(bytes: Uint8Array): Promise<void>;
  closedWith: unknown[];
}

/** A message with any body. */
class RawMessage extends struct("Message", { id: u64, messageType: u8, body: raw }) {}

const noHandler: RequestHandler = () => bodyOf("Empty", {});

/** A connection whose other side is played by the test. */
function bench(side: "host" | "runtime", handler: RequestHandler = noHandler, maxPending?: number): Bench {
  const clock = new ManualClock();
  const log = new KeptLog();
  const [near, far]: readonly [Duplex, Duplex] = queueStream();
  const sent: Message[] = [];
  const reader = new FrameReader();
  const closedWith: unknown[] = [];
  const onClose = (cause?: unknown): void => void closedWith.push(cause);
  const connection = new Connection({ side, stream: near, handler, clock, log, onClose, maxPending });
  far.open({
    data: (bytes) => sent.push(...reader.push(bytes).map((frame) => Message.decode(frame, "rpc"))),
    closed: () => undefined,
  });
  connection.open();
  const send = async (bytes: Uint8Array): Promise<void> => {
    far.send(bytes);
    await settle();
  };
  return { clock, log, connection, sent, send, closedWith };
}

const request = (id: bigint, body: Body): Uint8Array => encodeFrame(Message.encode({ id, messageType: 1, body }));
const response = (id: bigint, body: Body): Uint8Array => encodeFrame(Message.encode({ id, messageType: 2, body }));
const ping = bodyOf("RuntimePingRequest", {});
const empty = bodyOf("Empty", {});

describe("calls", () => {
  test("requests are numbered from 0 and answers may come in any order", async () => {
    const b = bench("host");
    const first = b.connection.call("RuntimeConsensusSyncRequest", { height: 7n }, 100);
    const second = b.connection.call("RuntimeQueryRequest", { ...emptyQuery(), method: "get" }, 100);
    await settle();
    expect(b.sent.map(({ id, body }) => [id, body.type])).toEqual([
      [0n, "RuntimeConsensusSyncRequest"],
      [1n, "RuntimeQueryRequest"],
    ]);
    await b.send(response(1n, bodyOf("RuntimeQueryResponse", { data: utf8("x") })));
    await b.send(response(0n, bodyOf("RuntimeConsensusSyncResponse", {})));
    expect((await second).data).toEqual(utf8("x"));
    expect(await first).toEqual({});
    expect(b.clock.pending).toBe(0);
  });

  test("an error answer arrives as a coded error", async () => {
    const b = bench("host");
    const call = b.connection.call("RuntimePingRequest", {}, 100);
    await b.send(response(0n, bodyOf("Error", { module: "demux", code: 3, message: "no" })));
    await expect(call).rejects.toMatchObject({ name: "CodedError", module: "demux", code: 3, message: "no" });
  });

  test("a call without an answer fails at its deadline, and the late answer is dropped", async () => {
    const b = bench("host");
    const call = b.connection.call("RuntimePingRequest", {}, 100);
    const failed = expect(call).rejects.toMatchObject({ problem: "deadline" });
    await b.clock.advance(100);
    await failed;
    await b.send(response(0n, empty));
    expect(b.log.lines).toEqual(["runtime host protocol: answer to no request"]);
    expect(b.connection.state).toBe("initializing");
  });

  test("an answer of a kind that does not belong to the request is refused", async () => {
    const b = bench("host");
    const call = b.connection.call("RuntimeConsensusSyncRequest", { height: 1n }, 100);
    await b.send(response(0n, empty));
    await expect(call).rejects.toMatchObject({ problem: "unexpected" });
  });

  test("closing fails the calls in flight and every later one", async () => {
    const b = bench("host");
    const call = b.connection.call("RuntimePingRequest", {}, 100);
    b.connection.close();
    await expect(call).rejects.toMatchObject({ problem: "closed" });
    await expect(b.connection.call("RuntimePingRequest", {}, 100)).rejects.toBeInstanceOf(CallFailure);
    expect(b.clock.pending).toBe(0);
    expect(b.closedWith).toEqual([undefined]);
  });

  test("more calls than allowed are refused at once", async () => {
    const b = bench("host", noHandler, 2);
    const calls = [1, 2].map(() => b.connection.call("RuntimePingRequest", {}, 100));
    await expect(b.connection.call("RuntimePingRequest", {}, 100)).rejects.toMatchObject({ problem: "busy" });
    await b.send(response(0n, empty));
    await b.send(response(1n, empty));
    expect(await Promise.all(calls)).toEqual([{}, {}]);
  });
});

describe("requests of the other side", () => {
  test("they are worked on at the same time and answered as they finish", async () => {
    const open: ((body: Body) => void)[] = [];
    const b = bench("runtime", () => new Promise<Body>((resolve) => open.push(resolve)));
    await b.send(request(5n, ping));
    await b.send(request(6n, ping));
    open[1]?.(empty);
    await settle();
    open[0]?.(empty);
    await settle();
    expect(b.sent.map(({ id }) => id)).toEqual([6n, 5n]);
  });

  test("a host holds them back until it is ready, but no longer than 5 s", async () => {
    const b = bench("host", () => bodyOf("HostIdentityResponse", { nodeId: new Uint8Array(32) }));
    await b.send(request(0n, bodyOf("HostIdentityRequest", {})));
    expect(b.sent).toEqual([]);
    await b.clock.advance(5000);
    expect(b.sent.map(({ body }) => body)).toEqual([
      bodyOf("Error", { module: "rhp/internal", code: 1, message: "rhp: not ready" }),
    ]);
    await b.send(request(1n, bodyOf("HostIdentityRequest", {})));
    b.connection.ready();
    await settle();
    expect(b.sent.map(({ id, body }) => [id, body.type])).toEqual([
      [0n, "Error"],
      [1n, "HostIdentityResponse"],
    ]);
  });

  test("a coded error becomes the error body", async () => {
    const b = bench("runtime", () => {
      throw new CodedError("test", 4, "refused");
    });
    await b.send(request(0n, ping));
    expect(b.sent[0]?.body).toEqual(bodyOf("Error", { module: "test", code: 4, message: "refused" }));
  });

  test("a handler that breaks ends a runtime, while a host answers with an uncoded error", async () => {
    const broken: RequestHandler = () => {
      throw new TypeError("bug");
    };
    const runtime = bench("runtime", broken);
    await runtime.send(request(0n, ping));
    expect(runtime.connection.state).toBe("closed");
    expect(runtime.closedWith).toEqual([new TypeError("bug")]);
    const host = bench("host", broken);
    host.connection.ready();
    await host.send(request(0n, bodyOf("HostIdentityRequest", {})));
    expect(host.sent[0]?.body).toEqual(bodyOf("Error", { module: "unknown", code: 1, message: "bug" }));
  });

  test("an answer that is too large for a frame is replaced by an error", async () => {
    const b = bench("runtime", () => bodyOf("RuntimeQueryResponse", { data: new Uint8Array(33 << 20) }));
    await b.send(request(0n, ping));
    const message = "Failed to write response: message too large";
    expect(b.sent[0]?.body).toEqual(bodyOf("Error", { module: "rhp/write", code: 1, message }));
  });
});

describe("garbage", () => {
  // An unknown variant, an unknown member, a bare null and bytes that are no CBOR.
  const malformed = ["a36269640164626f6479a1644e6f7065a06c6d6573736167655f7479706501", "a16178f6", "f6", "ffff"];

  test("a runtime drops what it cannot decode and goes on", async () => {
    const b = bench("runtime");
    for (const hex of malformed) await b.send(encodeFrame(fromHex(hex)));
    await b.send(request(9n, ping));
    expect(b.sent.map(({ id }) => id)).toEqual([9n]);
    expect(b.log.lines).toHaveLength(malformed.length);
  });

  test("a host closes the connection", async () => {
    const b = bench("host");
    await b.send(encodeFrame(fromHex("ffff")));
    expect(b.connection.state).toBe("closed");
  });

  const envelope = (id: bigint, messageType: number, body: Uint8Array): Uint8Array =>
    encodeFrame(RawMessage.encode({ id, messageType, body }));
  const NOTHING = fromHex("a0");
  // {"HostNewRequest": {}}, the same with null, and {"HostIdentityRequest": null}.
  const unknownBodies = ["a16e486f73744e657752657175657374a0", "a16e486f73744e657752657175657374f6"].map(fromHex);
  const nullBody = fromHex("a173486f73744964656e7469747952657175657374f6");
  // {"HostNewRequest": {}, "HostIdentityRequest": {}}
  const twoBodies = fromHex("a26e486f73744e657752657175657374a073486f73744964656e7469747952657175657374a0");

  test("a host answers requests of kinds that it does not know, as the reference does", async () => {
    const b = bench("host", ({ type }) => {
      if (type !== "HostIdentityRequest") throw new CodedError("unknown", 1, "method not supported");
      return bodyOf("HostIdentityResponse", { nodeId: new Uint8Array(32) });
    });
    b.connection.ready();
    const bodies = [...unknownBodies, nullBody, NOTHING, twoBodies];
    for (const [i, body] of bodies.entries()) await b.send(envelope(BigInt(i), 1, body));
    const refused = bodyOf("Error", { module: "unknown", code: 1, message: "method not supported" });
    expect(b.sent.map(({ id, body }) => [id, body])).toEqual([
      ...[0n, 1n, 2n, 3n].map((id) => [id, refused]),
      [4n, bodyOf("HostIdentityResponse", { nodeId: new Uint8Array(32) })],
    ]);
    expect(b.connection.state).toBe("ready");
  });

  test("a host takes answers of kinds that it does not know for answers of the wrong kind", async () => {
    const b = bench("host");
    const call = b.connection.call("RuntimeConsensusSyncRequest", { height: 1n }, 100);
    await b.send(envelope(0n, 2, unknownBodies[0] as Uint8Array));
    await expect(call).rejects.toMatchObject({ problem: "unexpected" });
    expect(b.connection.state).toBe("initializing");
  });

  test("a host passes over messages that say nothing, and closes for bodies that are none", async () => {
    const b = bench("host");
    for (const hex of ["f6", "a0", "a16178f6"]) await b.send(encodeFrame(fromHex(hex)));
    expect(b.connection.state).toBe("initializing");
    expect(b.sent).toEqual([]);
    // A body that is a text, and {"HostLocalStorageGetRequest": {"key": 1}}.
    const text = fromHex("6162");
    const wrong = fromHex("a1781a486f73744c6f63616c53746f7261676547657452657175657374a1636b657901");
    for (const body of [text, wrong]) {
      const other = bench("host");
      await other.send(envelope(0n, 1, body));
      expect(other.connection.state).toBe("closed");
    }
  });

  test("either side closes it when a frame is announced too large", async () => {
    for (const side of ["host", "runtime"] as const) {
      const b = bench(side);
      await b.send(fromHex("02000001"));
      expect(b.connection.state).toBe("closed");
    }
  });

  test("a message that is neither request nor response is passed over", async () => {
    const b = bench("runtime");
    await b.send(encodeFrame(Message.encode({ id: 1n, messageType: 0, body: ping })));
    expect(b.sent).toEqual([]);
    expect(b.connection.state).toBe("initializing");
  });
});

function emptyQuery() {
  const zero = new Uint8Array(32);
  const header = {
    version: 0,
    namespace: zero,
    round: 0n,
    timestamp: 0n,
    headerType: 1,
    previousHash: zero,
    ioRoot: zero,
    stateRoot: zero,
    messagesHash: zero,
    inMessagesHash: zero,
  };
  const consensusBlock = { height: 0n, meta: null };
  return { consensusBlock, header, epoch: 0n, maxMessages: 0, method: "", args: new Uint8Array(0) };
}
