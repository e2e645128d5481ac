import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { credentials, Client as GrpcClient, Metadata, type ServiceError } from "@grpc/grpc-js";
import { decode } from "cborg";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { Cancellation } from "#common/cancellation.js";
import { InvalidInput } from "#common/errors/index.js";
import { EventHub } from "#common/event-hub.js";
import { Quantity } from "#common/quantity.js";
import { type Call, createClient, methodPath, RpcCode } from "#common/rpc/index.js";
import { connectGrpc, type GrpcChannel } from "#platform/grpc-client.js";
import { listenGrpc } from "#platform/grpc-server.js";
import type { ListeningServer } from "#platform/rpc-calls.js";
import {
  emit,
  type Event,
  MAX_U64,
  MemoryLog,
  owner,
  scratchFolder,
  stakingTable,
  testHandler,
  until,
} from "./fixture.ts";

const scratch = scratchFolder();
afterAll(scratch.remove);

describe("gRPC on a unix socket", () => {
  const path = scratch.path("node.sock");
  let server: ListeningServer;
  let channel: GrpcChannel;
  let hub: EventHub<Event>;
  let calls: Call[];
  let log: MemoryLog;

  beforeEach(async () => {
    hub = new EventHub<Event>();
    calls = [];
    log = new MemoryLog();
    server = await listenGrpc(path, testHandler(hub, calls), log, { stallTimeoutMs: 300 });
    channel = connectGrpc(path);
  });
  afterEach(async () => {
    channel.close();
    await server.close();
  });
  const staking = () => createClient(stakingTable, channel);

  test("answers calls with 64-bit numbers, quantities beyond them and maps with byte keys", async () => {
    expect(await staking().Account({ height: 7n, owner: owner(1) })).toEqual({ nonce: MAX_U64, balance: 7n });
    expect(await staking().TotalSupply(-3n)).toBe(10n ** 30n - 3n);
    expect(await staking().TokenSymbol()).toBe("ROSE");
    const delegations = await staking().DelegationsFor({ height: 0n, owner: owner(0) });
    expect(delegations.get(owner(2))).toBe(MAX_U64);
  });

  test("is a socket that only this user may open", () => {
    expect(statSync(path).isSocket()).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("answers coded errors with module and code, others with their text, and logs only surprises", async () => {
    await expect(staking().Account({ height: 0n, owner: owner(9) })).rejects.toMatchObject({
      name: "CodedError",
      module: "staking",
      code: 1,
      message: "staking: invalid argument: größer als 5% \n zero",
    });
    expect(log.lines).toEqual([]);
    await expect(staking().Account({ height: 0n, owner: owner(10) })).rejects.toMatchObject({
      name: "RpcError",
      code: RpcCode.unknown,
      message: "the disk is gone",
    });
    expect(log.lines.join()).toContain("the disk is gone");
    await expect(staking().GetEvents(1n)).rejects.toMatchObject({ code: RpcCode.unimplemented });
  });

  test("carries coded errors as google.rpc.Status with one Any without type", async () => {
    const plain = new GrpcClient(`unix:${path}`, credentials.createInsecure());
    const same = (bytes: Buffer) => bytes;
    // An owner of 21 bytes ending in 9, encoded by hand.
    const request = Buffer.from(`a2656f776e657255${"00".repeat(20)}0966686569676874 00`.replace(" ", ""), "hex");
    const error = await new Promise<ServiceError | null>((resolve) => {
      plain.makeUnaryRequest(methodPath("Staking", "Account"), same, same, request, new Metadata(), (failure) =>
        resolve(failure),
      );
    });
    plain.close();
    expect(error?.code).toBe(2);
    const details = error?.metadata.get("grpc-status-details-bin")[0] as Buffer;
    const text = Buffer.from("staking: invalid argument: größer als 5% \n zero");
    const value = Buffer.concat([
      Buffer.from("a264636f646501666d6f64756c65", "hex"),
      Buffer.from("677374616b696e67", "hex"),
    ]);
    const any = Buffer.concat([Buffer.from([0x12, value.length]), value]);
    expect(details.toString("hex")).toBe(
      Buffer.concat([
        Buffer.from([0x08, 0x02, 0x12, text.length]),
        text,
        Buffer.from([0x1a, any.length]),
        any,
      ]).toString("hex"),
    );
    expect(decode(value)).toEqual({ code: 1, module: "staking" });
  });

  test("takes an empty body for nil and refuses garbage without harm", async () => {
    const raw = (body: Uint8Array) => channel.unary(methodPath("Staking", "TotalSupply"), body, {});
    expect(await raw(new Uint8Array(0))).toEqual(Quantity.encode(10n ** 30n));
    for (const body of ["ff", "9f", "1b", "a1", "7b7fffffffffffffff", "5affffffff", "c249010000"]) {
      await expect(raw(Uint8Array.from(Buffer.from(body, "hex")))).rejects.toMatchObject({ code: RpcCode.internal });
    }
    expect(await staking().TokenSymbol()).toBe("ROSE");
    expect(log.lines).toEqual([]);
  });

  test("refuses requests and answers beyond 100 MiB and goes on", async () => {
    const oversize = new Uint8Array(104_857_601);
    await expect(channel.unary(methodPath("Staking", "TotalSupply"), oversize, {})).rejects.toMatchObject({
      code: RpcCode.resourceExhausted,
    });
    await expect(staking().ConsensusParameters(104_857_600n)).rejects.toMatchObject({ module: "rpc", code: 2 });
    expect(await staking().ConsensusParameters(20_000_000n)).toHaveLength(20_000_000);
    expect(await staking().TokenSymbol()).toBe("ROSE");
  });

  test("streams items in order until the client cancels, and the handler hears of it", async () => {
    const cancellation = new Cancellation();
    const seen: bigint[] = [];
    const reading = (async () => {
      for await (const event of staking().WatchEvents(null, { cancellation: cancellation.token })) {
        seen.push(event.number);
        emit(hub, event.number + 1n);
        if (event.number === 20n) cancellation.cancel();
      }
    })();
    await until(() => hub.size === 1);
    emit(hub, 1n);
    await expect(reading).rejects.toMatchObject({ code: RpcCode.cancelled });
    expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => BigInt(i + 1)));
    await until(() => hub.size === 0);
    expect(calls[0]?.cancellation.cancelled).toBe(true);
  });

  test("ends a stream that the client leaves, and calls whose deadline passes", async () => {
    const items = staking().WatchEvents()[Symbol.asyncIterator]();
    const first = items.next();
    await until(() => hub.size === 1);
    emit(hub, 5n);
    expect((await first).value?.number).toBe(5n);
    await items.return?.();
    await until(() => hub.size === 0);
    await expect(staking().CommonPool(0n, { timeoutMs: 50 })).rejects.toMatchObject({ code: RpcCode.deadlineExceeded });
    await until(() => calls.at(-1)?.cancellation.cancelled === true);
  });

  test("drops a stream whose client does not read, holds little for it and keeps serving the others", async () => {
    const slow = new GrpcClient(`unix:${path}`, credentials.createInsecure());
    const same = (bytes: Buffer) => bytes;
    const stalled = slow.makeServerStreamRequest(methodPath("Staking", "WatchEvents"), same, same, Buffer.alloc(0));
    stalled.pause();
    await until(() => hub.size === 1);
    const before = process.memoryUsage().arrayBuffers;
    let emitted = 0n;
    while (hub.size > 0) {
      emit(hub, emitted++, 100_000);
      await new Promise((resolve) => setImmediate(resolve));
      expect(emitted).toBeLessThan(5_000n);
    }
    for (let i = 0; i < 2_000; i++) emit(hub, BigInt(i), 100_000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50_000_000);
    expect(await staking().TokenSymbol()).toBe("ROSE");
    // Once it reads again, it gets what was on its way, then the reason.
    const failure = once(stalled, "error") as Promise<[ServiceError]>;
    stalled.on("data", () => undefined);
    const [error] = await failure;
    expect(error.code).toBe(RpcCode.resourceExhausted);
    expect(error.details).toContain("reads too slowly");
    slow.close();
  });
});

describe("The socket file", () => {
  const log = new MemoryLog();
  const handler = () => testHandler(new EventHub<Event>());

  test("with a path beyond 107 bytes is refused by name and limit", async () => {
    const long = scratch.path("x".repeat(120));
    await expect(listenGrpc(long, handler(), log)).rejects.toThrow(InvalidInput);
    await expect(listenGrpc(long, handler(), log)).rejects.toThrow(/the limit is 107/);
  });

  test("is not taken from a living server, nor is another file overwritten", async () => {
    const taken = scratch.path("taken.sock");
    const server = await listenGrpc(taken, handler(), log);
    await expect(listenGrpc(taken, handler(), log)).rejects.toThrow(/another process listens/);
    await server.close();
    expect(existsSync(taken)).toBe(false);
    const file = scratch.path("file");
    writeFileSync(file, "precious");
    await expect(listenGrpc(file, handler(), log)).rejects.toThrow(/not a socket/);
    await expect(listenGrpc(scratch.path("no/such/folder"), handler(), log)).rejects.toThrow(InvalidInput);
  });

  test("of a killed process is replaced", async () => {
    const stale = scratch.path("stale.sock");
    const script = `require("node:net").createServer().listen(process.argv[1], () => console.log("up"))`;
    const child = spawn(process.execPath, ["-e", script, stale], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(existsSync(stale)).toBe(true);
    const server = await listenGrpc(stale, handler(), log);
    const channel = connectGrpc(stale);
    expect(await createClient(stakingTable, channel).TokenSymbol()).toBe("ROSE");
    channel.close();
    await server.close();
  });
});
