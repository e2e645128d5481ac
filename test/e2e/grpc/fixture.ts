import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Address } from "#common/address.js";
import { CodedError, Fault } from "#common/errors/index.js";
import type { EventHub } from "#common/event-hub.js";
import type { Log, LogFields } from "#common/ports/log.js";
import { Quantity } from "#common/quantity.js";
import { type Call, defineMethods, follow, RpcHandler, stream, unary } from "#common/rpc/index.js";
import { bytes, i64, map, nothing, omitEmpty, struct, text, u64 } from "#common/schema/index.js";
import { SortedMap } from "#common/sorted-map.js";

export class OwnerQuery extends struct("OwnerQuery", { height: i64, owner: Address }) {}
export class Account extends struct("Account", { nonce: omitEmpty(u64), balance: omitEmpty(Quantity) }) {}
export class Event extends struct("Event", { number: u64, payload: bytes({ max: 1 << 20 }) }) {}

/** A few methods with the names and shapes of the real ones, so that the public client can call them. */
export const stakingTable = defineMethods("Staking", {
  Account: unary(OwnerQuery, Account),
  DelegationsFor: unary(OwnerQuery, map(Address, u64, { max: 100 })),
  TotalSupply: unary(i64, Quantity),
  TokenSymbol: unary(nothing, text({ max: 20 })),
  CommonPool: unary(i64, Quantity),
  ConsensusParameters: unary(i64, bytes({ max: 1 << 30 })),
  WatchEvents: stream(nothing, Event),
  GetEvents: unary(i64, nothing),
});

export const MAX_U64 = (1n << 64n) - 1n;
export const owner = (last: number): Uint8Array => Uint8Array.of(...new Array<number>(20).fill(0), last);

/** Ends the stream that it travels in. */
export const LAST_EVENT = 99n;

/** Publishes an event to every stream. */
export function emit(hub: EventHub<Event>, number: bigint, size = 1): void {
  hub.publish({ number, payload: new Uint8Array(size).fill(Number(number & 0xffn)) });
}

/** What the log received, for tests that look at it. */
export class MemoryLog implements Log {
  readonly lines: string[] = [];
  child(): Log {
    return this;
  }
  debug(message: string): void {
    this.lines.push(`debug ${message}`);
  }
  info(message: string): void {
    this.lines.push(`info ${message}`);
  }
  warn(message: string): void {
    this.lines.push(`warn ${message}`);
  }
  error(message: string, fields?: LogFields): void {
    this.lines.push(`error ${message} ${JSON.stringify(fields)}`);
  }
}

export function testHandler(hub: EventHub<Event>, calls: Call[] = []): RpcHandler {
  return new RpcHandler().add(stakingTable, {
    Account: (query, call) => {
      calls.push(call);
      if (query.owner[20] === 9) throw new CodedError("staking", 1, "staking: invalid argument: größer als 5% \n zero");
      if (query.owner[20] === 10) throw new Fault("the disk is gone");
      return { nonce: MAX_U64, balance: query.height < 0n ? 0n : BigInt(query.height) };
    },
    DelegationsFor: async () => {
      const delegations = SortedMap.bytes<bigint>();
      delegations.set(owner(1), 1n);
      delegations.set(owner(2), MAX_U64);
      return delegations;
    },
    TotalSupply: (height) => 10n ** 30n + height,
    TokenSymbol: () => "ROSE",
    CommonPool: (_height, call) => {
      calls.push(call);
      return new Promise<bigint>(() => undefined);
    },
    ConsensusParameters: (size) => new Uint8Array(Number(size)).fill(1),
    async *WatchEvents(_request, call) {
      calls.push(call);
      for await (const event of follow(call, hub.subscribe({ limit: 50 }), (one) => [one])) {
        yield event;
        if (event.number === LAST_EVENT) return;
      }
    },
  });
}

/** A folder of its own for one test file. */
export function scratchFolder(): { path: (name: string) => string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "qanat-grpc-"));
  return { path: (name) => join(folder, name), remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Waits until a condition holds; the test's own time limit ends it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
