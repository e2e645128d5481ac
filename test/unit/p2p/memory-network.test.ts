import { beforeEach, describe, expect, test } from "vitest";
import type { Log } from "#common/ports/log.js";
import { text, struct, u64 } from "#common/schema/index.js";
import { unknown } from "#common/errors/index.js";
import { utf8 } from "#common/bytes.js";
import { hostErrors, rpcErrors } from "#p2p/errors.js";
import { type Fate, type MemoryHost, MemoryNetwork, type Parcel } from "#p2p/memory-network.js";
import { callPeer, defineProtocol, Request, servePeers } from "#p2p/protocol.js";
import { MAX_GOSSIP_BYTES } from "#p2p/topic.js";
import { systemClock } from "#platform/clock.js";

const silent: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
};
const key = (n: number): Uint8Array => new Uint8Array(32).fill(n);
const later = (ms = 0): Promise<void> => new Promise((resolve) => systemClock.setTimer(ms, resolve));

let fate: (parcel: Parcel) => Fate;
let a: MemoryHost;
let b: MemoryHost;
let c: MemoryHost;

beforeEach(() => {
  fate = () => 0;
  const network = new MemoryNetwork({ clock: systemClock, log: silent, fate: (parcel) => fate(parcel) });
  a = network.connect(key(1));
  b = network.connect(key(2));
  c = network.connect(key(3));
});

describe("gossip", () => {
  test("a message reaches all others that joined the topic, never within the call that sent it", async () => {
    const got: string[] = [];
    b.join("t", (data, from) => (got.push(`b ${data.length} from ${from[0]}`), "accept"));
    c.join("other", () => (got.push("c"), "accept"));
    a.join("t", () => (got.push("a"), "accept")).publish(utf8("hello"));
    expect(got).toEqual([]);
    await later();
    expect(got).toEqual(["b 5 from 1"]);
  });

  test("receivers get a copy of their own", async () => {
    const data = utf8("hello");
    const got: Uint8Array[] = [];
    b.join("t", (bytes) => (got.push(bytes), "accept"));
    a.join("t", () => "accept").publish(data);
    data.fill(0);
    await later();
    expect(got).toEqual([utf8("hello")]);
  });

  test("the same message is handled once", async () => {
    let count = 0;
    b.join("t", () => (count++, "accept"));
    const [fromA, fromC] = [a.join("t", () => "accept"), c.join("t", () => "accept")];
    fromA.publish(utf8("x"));
    fromA.publish(utf8("x"));
    fromC.publish(utf8("x"));
    await later();
    expect(count).toBe(1);
  });

  test("a message over 1 MiB is refused", () => {
    const topic = a.join("t", () => "accept");
    expect(() => topic.publish(new Uint8Array(MAX_GOSSIP_BYTES + 1))).toThrow("too large");
  });

  test("a message can be lost", async () => {
    fate = ({ to }) => (to[0] === 2 ? "lost" : 0);
    const got: string[] = [];
    b.join("t", () => (got.push("b"), "accept"));
    c.join("t", () => (got.push("c"), "accept"));
    a.join("t", () => "accept").publish(utf8("x"));
    await later();
    expect(got).toEqual(["c"]);
  });

  test("a handler that breaks does not break the network", async () => {
    b.join("t", () => {
      throw new TypeError("broken");
    });
    const topic = a.join("t", () => "accept");
    topic.publish(utf8("x"));
    await later();
    topic.publish(utf8("y"));
    await later();
  });
});

class Question extends struct("Question", { n: u64 }) {}
class Answer extends struct("Answer", { twice: u64, note: text({ max: 10 }) }) {}
const DOUBLE = defineProtocol(
  "double",
  { major: 1, minor: 0, patch: 0 },
  {
    Double: { request: Question, response: Answer, deadlineMs: 50 },
    Other: { request: Question, response: Answer },
  },
);

describe("requests", () => {
  const ask = (n: bigint): Promise<Answer> => callPeer(a, key(2), "/double", DOUBLE, "Double", { n });

  test("a peer answers", async () => {
    servePeers(b, "/double", DOUBLE, { Double: ({ n }, from) => ({ twice: n * 2n, note: `${from[0]}` }) });
    expect(await ask(21n)).toEqual({ twice: 42n, note: "1" });
    expect(a.peers("/double")).toEqual([key(2)]);
    expect(b.peers("/double")).toEqual([]);
  });

  test("an error of the peer comes with its module and code", async () => {
    servePeers(b, "/double", DOUBLE, {
      Double: () => {
        throw unknown("no");
      },
    });
    await expect(ask(1n)).rejects.toMatchObject({ module: "unknown", code: 1, message: "no" });
  });

  test("a method that is not served and one that does not exist are refused", async () => {
    servePeers(b, "/double", DOUBLE, {});
    await expect(ask(1n)).rejects.toSatisfy(rpcErrors.methodNotSupported.is);
    const strange = Request.encode({ method: "toString", body: Question.encode({ n: 1n }) });
    const answer = await a.request(key(2), "/double", strange, 50);
    expect(answer.length).toBeGreaterThan(0);
  });

  test("garbage is answered with an error", async () => {
    servePeers(b, "/double", DOUBLE, { Double: () => ({ twice: 0n, note: "" }) });
    const answer = await a.request(key(2), "/double", Uint8Array.of(0xff, 0xff), 50);
    expect(new TextDecoder().decode(answer)).toContain("bad request");
  });

  test("a peer that is not there, or does not answer, fails the request", async () => {
    await expect(ask(1n)).rejects.toSatisfy(hostErrors.unreachable.is);
    servePeers(b, "/double", DOUBLE, { Double: () => new Promise<never>(() => undefined) });
    await expect(ask(1n)).rejects.toSatisfy(hostErrors.deadline.is);
    fate = ({ kind }) => (kind === "request" ? "lost" : 0);
    await expect(ask(1n)).rejects.toSatisfy(hostErrors.deadline.is);
  });

  test("a peer that sent wrong data is not offered again", () => {
    servePeers(b, "/double", DOUBLE, {});
    servePeers(c, "/double", DOUBLE, {});
    a.feedback(key(2), "/double", "failure");
    expect(a.peers("/double")).toHaveLength(2);
    a.feedback(key(2), "/double", "bad-peer");
    expect(a.peers("/double")).toEqual([key(3)]);
  });

  test("a host that left the network neither answers nor asks", async () => {
    servePeers(b, "/double", DOUBLE, {});
    b.close();
    await expect(ask(1n)).rejects.toSatisfy(hostErrors.unreachable.is);
    a.close();
    await expect(ask(1n)).rejects.toSatisfy(hostErrors.closed.is);
  });
});
