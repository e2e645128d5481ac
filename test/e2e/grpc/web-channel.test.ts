import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Cancellation } from "#common/cancellation.js";
import { CodedError } from "#common/errors/index.js";
import { EventHub } from "#common/event-hub.js";
import { type Call, createClient, RpcCode, type RpcError } from "#common/rpc/index.js";
import { type GrpcWebServer, listenGrpcWeb } from "#platform/grpc-web.js";
import { connectGrpcWeb } from "#sdk/grpc-web-channel.js";
import { webWorld } from "#web/world.js";
import {
  emit,
  type Event,
  LAST_EVENT,
  MAX_U64,
  MemoryLog,
  owner,
  stakingTable,
  testHandler,
  until,
} from "./fixture.ts";

let server: GrpcWebServer;
let hub: EventHub<Event>;
let calls: Call[];

beforeEach(async () => {
  hub = new EventHub<Event>();
  calls = [];
  server = await listenGrpcWeb({ port: 0 }, testHandler(hub, calls), new MemoryLog());
});
afterEach(() => server.close());

const clientOf = (port: number) => createClient(stakingTable, connectGrpcWeb(`http://127.0.0.1:${port}/`, webWorld));
const code = (number: number) => expect.objectContaining({ name: "RpcError", code: number });

describe("a channel over fetch", () => {
  test("answers calls with what the server sent, small and large", async () => {
    const client = clientOf(server.port);
    expect(await client.Account({ height: 7n, owner: owner(1) })).toEqual({ nonce: MAX_U64, balance: 7n });
    expect(await client.TokenSymbol()).toBe("ROSE");
    const large = await client.ConsensusParameters(3_000_000n);
    expect(large).toHaveLength(3_000_000);
    expect(large.every((byte) => byte === 1)).toBe(true);
  });

  test("throws coded errors with their text, and statuses", async () => {
    const client = clientOf(server.port);
    const failed = client.Account({ height: 1n, owner: owner(9) });
    await expect(failed).rejects.toThrow(CodedError);
    await expect(failed).rejects.toThrow("staking: invalid argument: größer als 5% \n zero");
    await expect(failed).rejects.toMatchObject({ module: "staking", code: 1 });
    await expect(client.Account({ height: 1n, owner: owner(10) })).rejects.toThrow(code(RpcCode.unknown));
    await expect(client.GetEvents(1n)).rejects.toThrow(code(RpcCode.unimplemented));
  });

  test("follows a stream until it ends", async () => {
    const seen: bigint[] = [];
    const done = (async () => {
      for await (const event of clientOf(server.port).WatchEvents()) seen.push(event.number);
    })();
    await until(() => hub.size > 0);
    emit(hub, 1n);
    emit(hub, 2n, 200_000);
    emit(hub, LAST_EVENT);
    await done;
    expect(seen.slice(0, 2)).toEqual([1n, 2n]);
  });

  test("leaves a stream, and the server forgets it", async () => {
    const reading = (async () => {
      for await (const event of clientOf(server.port).WatchEvents()) return event.number;
      return undefined;
    })();
    await until(() => hub.size > 0);
    emit(hub, 5n);
    expect(await reading).toBe(5n);
    await until(() => hub.size === 0);
  });

  test("ends calls by deadline and by cancellation, and tells the server", async () => {
    const client = clientOf(server.port);
    await expect(client.CommonPool(1n, { timeoutMs: 50 })).rejects.toThrow(code(RpcCode.deadlineExceeded));
    // The deadline may pass before the server hears of the call.
    const begun = calls.length;
    const cancellation = new Cancellation();
    const call = client.CommonPool(1n, { cancellation: cancellation.token });
    call.catch(() => undefined);
    await until(() => calls.length > begun);
    cancellation.cancel();
    await expect(call).rejects.toThrow(code(RpcCode.cancelled));
    await until(() => calls.every(({ cancellation: seen }) => seen.cancelled));
  });
});

describe("a channel to something else", () => {
  let other: Server;
  let answer: Uint8Array;
  let status: number;
  let headers: Record<string, string>;
  beforeEach(async () => {
    [answer, status, headers] = [new Uint8Array(0), 200, {}];
    other = createServer((_, response) => {
      response.writeHead(status, headers);
      response.end(answer);
    });
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  });
  afterEach(() => other.close());
  const ask = () => clientOf((other.address() as AddressInfo).port).TokenSymbol();
  const frame = (flag: number, content: string): Uint8Array =>
    Uint8Array.of(flag, 0, 0, 0, content.length, ...new TextEncoder().encode(content));

  test("tells what is wrong with its answers", async () => {
    await expect(ask()).rejects.toThrow(/ended without a status/);
    answer = Uint8Array.of(0, 0, 0, 0, 9, 1);
    await expect(ask()).rejects.toThrow(/middle of a frame/);
    answer = Uint8Array.of(0, 255, 255, 255, 255);
    await expect(ask()).rejects.toThrow(code(RpcCode.resourceExhausted));
    answer = Uint8Array.of(7, 0, 0, 0, 0);
    await expect(ask()).rejects.toThrow(/unknown frame flag 7/);
    answer = frame(0x80, "grpc-status:0\r\n");
    await expect(ask()).rejects.toThrow(/no answer/);
    answer = Uint8Array.of(...frame(0, "\x61a"), ...frame(0, "\x61a"), ...frame(0x80, "grpc-status:0\r\n"));
    await expect(ask()).rejects.toThrow(/more than one answer/);
    answer = frame(0x80, "grpc-status:14\r\ngrpc-message:100%25%\r\ngrpc-status-details-bin:CA4\r\n");
    await expect(ask()).rejects.toMatchObject({ code: 14, message: "100%%" } satisfies Partial<RpcError>);
    answer = frame(0x80, "grpc-status:2\r\ngrpc-message:plain\r\ngrpc-status-details-bin:/w\r\n");
    await expect(ask()).rejects.toMatchObject({ code: 2, message: "plain" });
    [answer, headers] = [new Uint8Array(0), { "grpc-status": "8", "grpc-message": "busy" }];
    await expect(ask()).rejects.toMatchObject({ code: 8, message: "busy" });
    status = 404;
    await expect(ask()).rejects.toThrow(/HTTP status 404/);
    const port = (other.address() as AddressInfo).port;
    other.close();
    other.closeAllConnections();
    await expect(clientOf(port).TokenSymbol()).rejects.toThrow(code(RpcCode.unavailable));
  });
});
