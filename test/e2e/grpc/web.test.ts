import { connect } from "node:net";
import { request as httpRequest } from "node:http";
import { client as oasisClient } from "@oasisprotocol/client";
import { decode, encode } from "cborg";
import XMLHttpRequest from "xhr2";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { InvalidInput } from "#common/errors/index.js";
import { EventHub } from "#common/event-hub.js";
import { type Call, RpcCode } from "#common/rpc/index.js";
import { type GrpcWebServer, listenGrpcWeb } from "#platform/grpc-web.js";
import { emit, type Event, LAST_EVENT, MAX_U64, MemoryLog, owner, testHandler, until } from "./fixture.ts";

const TEXT = "application/grpc-web-text";
const BINARY = "application/grpc-web+proto";

let server: GrpcWebServer;
let hub: EventHub<Event>;
let calls: Call[];
let log: MemoryLog;

beforeAll(() => {
  // The public client only knows the browser's way to make requests.
  (globalThis as { XMLHttpRequest?: unknown }).XMLHttpRequest = XMLHttpRequest;
});
beforeEach(async () => {
  hub = new EventHub<Event>();
  calls = [];
  log = new MemoryLog();
  server = await listenGrpcWeb({ port: 0, stallTimeoutMs: 300 }, testHandler(hub, calls), log);
});
afterEach(() => server.close());

const url = (method: string) => `http://127.0.0.1:${server.port}/oasis-core.Staking/${method}`;

interface Frame {
  readonly flag: number;
  readonly body: Buffer;
}

function frames(bytes: Buffer): Frame[] {
  const found: Frame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 1);
    found.push({ flag: bytes.readUInt8(at), body: bytes.subarray(at + 5, at + 5 + length) });
    at += 5 + length;
  }
  return found;
}

function frame(message: Uint8Array, flag = 0): Uint8Array<ArrayBuffer> {
  const head = Buffer.alloc(5);
  head.writeUInt8(flag);
  head.writeUInt32BE(message.length, 1);
  return new Uint8Array(Buffer.concat([head, message]));
}

async function post(method: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) {
  const response = await fetch(url(method), {
    method: "POST",
    body,
    headers: { "content-type": typeof body === "string" ? TEXT : BINARY, ...headers },
  });
  const raw = Buffer.from(await response.arrayBuffer());
  const text = response.headers.get("content-type")?.includes("text+proto") === true;
  const bytes = text
    ? Buffer.concat(
        raw
          .toString()
          .match(/[A-Za-z0-9+/]+={0,2}/g)
          ?.map((part) => Buffer.from(part, "base64")) ?? [],
      )
    : raw;
  return { response, frames: response.status === 200 ? frames(bytes) : [], body: raw.toString() };
}

const trailers = (found: Frame[]): string => found.find(({ flag }) => flag === 0x80)?.body.toString() ?? "";

describe("The public client over gRPC-web", () => {
  const node = () => new oasisClient.NodeInternal(`http://127.0.0.1:${server.port}`);

  test("reads accounts, 64-bit numbers, quantities and maps with byte keys", async () => {
    const account = (await node().stakingAccount({ height: 12, owner: owner(1) })) as unknown as {
      nonce: bigint;
      balance: Uint8Array;
    };
    expect(account.nonce).toBe(MAX_U64);
    expect([...account.balance]).toEqual([12]);
    const delegations = (await node().stakingDelegationsFor({ height: 0, owner: owner(0) })) as unknown as Map<
      Uint8Array,
      bigint
    >;
    expect([...delegations].map(([key, value]) => [key[20], BigInt(value)])).toEqual([
      [1, 1n],
      [2, MAX_U64],
    ]);
    expect(await node().stakingTokenSymbol(0)).toBe("ROSE");
    const supply = await node().stakingTotalSupply(-3 as unknown as bigint);
    expect(BigInt(`0x${Buffer.from(supply).toString("hex")}`)).toBe(10n ** 30n - 3n);
  });

  test("sees coded errors with module and code", async () => {
    await expect(node().stakingAccount({ height: 0, owner: owner(9) })).rejects.toMatchObject({
      oasisModule: "staking",
      oasisCode: 1,
      message: expect.stringContaining("größer als 5% \n zero"),
    });
    await expect(node().stakingAccount({ height: 0, owner: owner(10) })).rejects.toThrow(/the disk is gone/);
    await expect(node().beaconGetEpoch(0)).rejects.toThrow(/unknown method/);
  });

  interface Stream {
    on(name: "data", listener: (event: { number: number }) => void): void;
    on(name: "end", listener: () => void): void;
    on(name: "error", listener: (error: unknown) => void): void;
    cancel(): void;
  }

  test("follows a stream to its end", async () => {
    const seen: number[] = [];
    const events = node().stakingWatchEvents() as unknown as Stream;
    events.on("data", (event) => seen.push(event.number));
    const ended = new Promise<void>((resolve, reject) => {
      events.on("end", resolve);
      events.on("error", reject);
    });
    await until(() => hub.size === 1);
    for (let n = LAST_EVENT - 9n; n <= LAST_EVENT; n++) emit(hub, n, 100);
    // The request object that the client has on Node.js hands out nothing before the end; browsers do.
    await ended;
    expect(seen).toEqual([90, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
    expect(hub.size).toBe(0);
  });

  test("cancels a stream, and the handler hears of it", async () => {
    const events = node().stakingWatchEvents() as unknown as Stream;
    await until(() => hub.size === 1);
    emit(hub, 1n);
    events.cancel();
    await until(() => hub.size === 0);
    expect(calls[0]?.cancellation.cancelled).toBe(true);
  });
});

describe("gRPC-web on the wire", () => {
  test("answers in the form of the request, message first, trailers last", async () => {
    const message = encode(null);
    const text = await post("TokenSymbol", Buffer.from(frame(message)).toString("base64"));
    expect(text.response.headers.get("content-type")).toBe("application/grpc-web-text+proto");
    expect(text.frames.map(({ flag }) => flag)).toEqual([0, 0x80]);
    expect(decode(text.frames[0]?.body ?? new Uint8Array(0))).toBe("ROSE");
    const binary = await post("TokenSymbol", frame(message));
    expect(binary.response.headers.get("content-type")).toBe("application/grpc-web+proto");
    expect(binary.frames).toEqual(text.frames);
    expect(trailers(binary.frames)).toBe("grpc-status:0\r\ngrpc-message:\r\n");
    const empty = await post("TotalSupply", frame(new Uint8Array(0)));
    expect(Buffer.from(decode(empty.frames[0]?.body ?? new Uint8Array(0)) as Uint8Array).toString("hex")).toBe(
      (10n ** 30n).toString(16).padStart(26, "0"),
    );
  });

  test("hands out each item of a stream when it happens, as text that can be decoded piece by piece", async () => {
    const response = await fetch(url("WatchEvents"), {
      method: "POST",
      body: Buffer.from(frame(new Uint8Array(0))).toString("base64"),
      headers: { "content-type": TEXT },
    });
    const reader = (response.body ?? new ReadableStream<Uint8Array>()).getReader();
    await until(() => hub.size === 1);
    for (let n = 1; n <= 3; n++) {
      emit(hub, BigInt(n), n);
      const piece = Buffer.from((await reader.read()).value ?? new Uint8Array(0)).toString();
      const [item, ...rest] = frames(Buffer.from(piece, "base64"));
      expect(rest).toEqual([]);
      expect(decode(item?.body ?? new Uint8Array(0))).toEqual({ number: n, payload: new Uint8Array(n).fill(n) });
    }
    await reader.cancel();
    await until(() => hub.size === 0);
  });

  test("refuses garbage with a status and goes on", async () => {
    const bad: [string | Uint8Array<ArrayBuffer>, number][] = [
      ["!!!!", RpcCode.internal],
      ["AAAA", RpcCode.internal],
      [new Uint8Array(0), RpcCode.internal],
      [new Uint8Array([0, 0, 0, 0, 9, 1]), RpcCode.internal],
      [frame(new Uint8Array([0xff])), RpcCode.internal],
      [frame(new Uint8Array([0x01]), 1), RpcCode.unimplemented],
      [frame(new Uint8Array([0x01]), 0x80), RpcCode.internal],
      [new Uint8Array([...frame(new Uint8Array([1])), ...frame(new Uint8Array([1]))]), RpcCode.internal],
    ];
    for (const [body, code] of bad) {
      const { response, frames: found } = await post("TotalSupply", body);
      expect(response.status).toBe(200);
      expect(trailers(found)).toContain(`grpc-status:${code}\r\n`);
    }
    expect((await fetch(url("TokenSymbol"))).status).toBe(405);
    expect((await post("TokenSymbol", "AAAA", { "content-type": "application/json" })).response.status).toBe(415);
    expect((await post("../TokenSymbol", frame(new Uint8Array(0)))).response.status).toBe(200);
    expect(trailers((await post("TokenSymbol", frame(new Uint8Array(0)))).frames)).toContain("grpc-status:0");
    expect(log.lines).toEqual([]);
  });

  test("refuses bodies beyond 100 MiB, announced or not", async () => {
    const answer = (headers: Record<string, string>, chunks: number) =>
      new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
        const sent = httpRequest(url("TotalSupply"), {
          method: "POST",
          headers: { "content-type": BINARY, ...headers },
        });
        sent.on("response", (response) => {
          const parts: Buffer[] = [];
          response.on("data", (part: Buffer) => parts.push(part));
          response.on("end", () => resolve({ status: response.statusCode, body: Buffer.concat(parts).toString() }));
          response.on("error", reject);
        });
        // The server may close while we still send: what counts is its answer.
        sent.on("error", () => undefined);
        const chunk = Buffer.alloc(1 << 20);
        const send = (left: number): void => {
          if (left === 0 || sent.destroyed) sent.end();
          else sent.write(chunk, () => send(left - 1));
        };
        sent.flushHeaders();
        send(chunks);
      });
    const announced = await answer({ "content-length": "209715200" }, 0);
    expect(announced.body).toContain("grpc-status:8");
    const streamed = await answer({}, 102);
    expect(streamed.body).toContain("grpc-status:8");
    expect(trailers((await post("TokenSymbol", frame(new Uint8Array(0)))).frames)).toContain("grpc-status:0");
  });

  test("lets pages of this machine call, and no others unless they are named", async () => {
    const preflight = (port: number, origin: string) =>
      fetch(`http://127.0.0.1:${port}/oasis-core.Staking/TokenSymbol`, {
        method: "OPTIONS",
        headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "x-grpc-web" },
      });
    const local = await preflight(server.port, "http://localhost:3000");
    expect(local.status).toBe(204);
    expect(local.headers.get("access-control-allow-origin")).toBe("http://localhost:3000");
    expect(local.headers.get("access-control-allow-headers")).toContain("x-grpc-web");
    const call = await post("TokenSymbol", frame(new Uint8Array(0)), { origin: "http://localhost:3000" });
    expect(call.response.headers.get("access-control-expose-headers")).toContain("grpc-status");
    expect((await preflight(server.port, "https://wallet.example")).status).toBe(403);
    expect(
      (await post("TokenSymbol", frame(new Uint8Array(0)), { origin: "http://localhost.evil.example" })).response
        .status,
    ).toBe(403);
    const named = await listenGrpcWeb({ port: 0, allowedOrigins: ["https://wallet.example"] }, testHandler(hub), log);
    expect((await preflight(named.port, "https://wallet.example")).status).toBe(204);
    expect((await preflight(named.port, "http://localhost:3000")).status).toBe(403);
    await named.close();
  });

  test("ends calls whose client leaves and calls whose deadline passes", async () => {
    const late = await post("CommonPool", frame(new Uint8Array(0)), { "grpc-timeout": "40m" });
    expect(trailers(late.frames)).toContain(`grpc-status:${RpcCode.deadlineExceeded}`);
    // A deadline may pass before the call begins.
    const begun = calls.length;
    const abort = new AbortController();
    const pending = fetch(url("CommonPool"), {
      method: "POST",
      body: frame(new Uint8Array(0)),
      headers: { "content-type": BINARY },
      signal: abort.signal,
    }).catch(() => undefined);
    await until(() => calls.length === begun + 1);
    abort.abort();
    await pending;
    await until(() => calls[begun]?.cancellation.cancelled === true);
  });

  test("cuts off a client that does not read, holding little for it", async () => {
    const body = frame(new Uint8Array(0));
    const socket = connect(server.port, "127.0.0.1");
    socket.write(
      `POST /oasis-core.Staking/WatchEvents HTTP/1.1\r\nhost: x\r\ncontent-type: ${BINARY}\r\ncontent-length: ${body.length}\r\n\r\n`,
    );
    socket.write(body);
    socket.pause();
    await until(() => hub.size === 1);
    let emitted = 0n;
    while (hub.size > 0) {
      emit(hub, emitted++, 100_000);
      await new Promise((resolve) => setImmediate(resolve));
      expect(emitted).toBeLessThan(5_000n);
    }
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.on("error", () => undefined);
    // The server waits for it twice: to read on, then to read why it ends. Reading after that shows the end.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    socket.resume();
    await closed;
    expect(trailers((await post("TokenSymbol", body)).frames)).toContain("grpc-status:0");
  });
});

describe("The port", () => {
  test("that is in use is named in the error", async () => {
    const again = listenGrpcWeb({ port: server.port }, testHandler(hub), log);
    await expect(again).rejects.toThrow(InvalidInput);
    await expect(again).rejects.toThrow(`port: ${server.port} on 127.0.0.1 is already in use`);
    await expect(listenGrpcWeb({ port: 0, host: "203.0.113.9" }, testHandler(hub), log)).rejects.toThrow(
      /does not belong to this machine/,
    );
  });
});
