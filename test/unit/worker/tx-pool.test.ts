import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CodedError } from "#common/errors/index.js";
import { hash } from "#common/hash.js";
import { utf8 } from "#common/bytes.js";
import type { Clock } from "#common/ports/clock.js";
import { Runtime } from "#consensus/services/registry/types/runtime.js";
import { genesisBlock, RoundResults, RuntimeState } from "#consensus/services/roothash/types.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import { Tree } from "#mkvs/tree/tree.js";
import { systemClock } from "#platform/clock.js";
import { InProcessHost } from "#runtime/host/in-process.js";
import { CallFailure } from "#runtime/rhp/errors.js";
import type { CheckTxResult } from "#runtime/rhp/messages/index.js";
import type { Dispatch } from "#worker/dispatch.js";
import { txPoolErrors } from "#worker/txpool/errors.js";
import type { TxPoolLimits } from "#worker/txpool/limits.js";
import { TxPool } from "#worker/txpool/tx-pool.js";
import { keyValue } from "../../../examples/kv/kv.ts";
import { lightBlock } from "../runtime/support/light-block.ts";
import { insertCall, RUNTIME_ID, silentLog } from "./support/local-network.ts";
import { type Interference, WrappedHost } from "./support/wrapped-host.ts";

/** A clock whose time passes only when it is told to. */
class StillClock implements Clock {
  private now = 1_000_000;
  private timers: { at: number; callback: () => void }[] = [];

  nowMs(): number {
    return this.now;
  }

  setTimer(ms: number, callback: () => void): { cancel(): void } {
    const timer = { at: this.now + ms, callback };
    this.timers.push(timer);
    return { cancel: () => void (this.timers = this.timers.filter((other) => other !== timer)) };
  }

  pass(ms: number): void {
    this.now += ms;
    const due = this.timers.filter(({ at }) => at <= this.now);
    this.timers = this.timers.filter(({ at }) => at > this.now);
    for (const { callback } of due) callback();
  }
}

function basisOf(round: bigint): Dispatch {
  const { header } = genesisBlock(RUNTIME_ID, 0n);
  const consensusBlock = lightBlock(round + 1n);
  return {
    height: round + 1n,
    header: { ...header, round },
    epoch: 1n,
    consensusBlock,
    descriptor: Runtime.zero(),
    state: RuntimeState.zero(),
    roundResults: RoundResults.zero(),
    incoming: [],
  };
}

let clock: StillClock;
let host: WrappedHost;
let interfere: Interference;
let pool: TxPool;
let published: Uint8Array[];
let checked: number;

async function makePool(limits: Partial<TxPoolLimits> = {}): Promise<void> {
  pool = new TxPool({
    host,
    clock,
    log: silentLog,
    publish: (raw) => published.push(raw),
    checked: () => checked++,
    limits,
  });
  pool.update(basisOf(0n));
}

/** Without a code of its own, as in the reference. */
const DUPLICATE = { module: "unknown", code: 1, message: "duplicate transaction" };

const settled = (): Promise<void> => new Promise((resolve) => systemClock.setTimer(5, resolve));
const codeOf = (result: CheckTxResult): string => `${result.error.module}/${result.error.code}`;

beforeEach(async () => {
  clock = new StillClock();
  published = [];
  checked = 0;
  interfere = (_, value, go) => go(value);
  const db = new MemoryNodeDb(RUNTIME_ID);
  const inner = new InProcessHost({
    runtimeId: RUNTIME_ID,
    program: keyValue,
    chainContext: "0".repeat(64),
    environment: { nodeId: new Uint8Array(32), localStorage: { get: () => undefined, set: () => undefined } },
    port: { openTree: (root) => new Tree({ db, root }) },
    clock: systemClock,
    log: silentLog,
  });
  host = new WrappedHost(inner, (kind, value, go) => interfere(kind, value, go));
  await host.start();
  await makePool();
});

afterEach(async () => {
  await pool.stop();
  await host.stop();
});

describe("a submitted transaction", () => {
  test("is checked, queued and gossiped", async () => {
    const tx = insertCall("alice", 0n, "k", "v");
    expect(codeOf(await pool.submit(tx))).toBe("/0");
    expect(pool.suggestion(10)).toEqual([tx]);
    expect(published).toEqual([tx]);
    expect(checked).toBe(1);
    expect(pool.get(hash(tx))).toEqual(tx);
  });

  test("that is only checked is neither queued nor gossiped", async () => {
    const tx = insertCall("alice", 0n, "k", "v");
    expect(codeOf(await pool.submit(tx, true))).toBe("/0");
    expect(pool.all()).toEqual([]);
    expect(published).toEqual([]);
  });

  test("that is invalid is answered with the runtime's error and may be tried again", async () => {
    const tx = insertCall("alice", 0n, "k", "v".repeat(200));
    expect(codeOf(await pool.submit(tx))).toBe("test/1");
    expect(codeOf(await pool.submit(tx))).toBe("test/1");
    expect(pool.size).toBe(0);
  });

  test("that is known already is refused, before and after it was executed", async () => {
    const tx = insertCall("alice", 0n, "k", "v");
    await pool.submit(tx);
    await expect(pool.submit(tx)).rejects.toMatchObject(DUPLICATE);
    pool.used([hash(tx)]);
    expect(pool.all()).toEqual([]);
    await expect(pool.submit(tx)).rejects.toMatchObject(DUPLICATE);
    // As in the reference, whoever only asks for a check is refused too.
    await expect(pool.submit(tx, true)).rejects.toMatchObject(DUPLICATE);
  });

  test("of no bytes or too many is refused", async () => {
    await pool.stop();
    await makePool({ maxTransactionBytes: 10 });
    await expect(pool.submit(new Uint8Array(0))).rejects.toSatisfy(txPoolErrors.empty.is);
    await expect(pool.submit(new Uint8Array(11))).rejects.toThrow("11 bytes, limit 10");
  });

  test("is refused when the pool is full of better ones", async () => {
    await pool.stop();
    await makePool({ maxTransactions: 2 });
    await pool.submit(insertCall("alice", 0n, "k", "v"));
    await pool.submit(insertCall("bob", 0n, "k", "v"));
    const third = await pool.submit(insertCall("carol", 0n, "k", "v"));
    expect(third.error).toEqual({ module: "txpool", code: 1, message: "transaction underpriced" });
  });

  test("is refused when the sender has another one of its number that is worth as much, or has used the number", async () => {
    await pool.submit(insertCall("alice", 1n, "k", "v"));
    const other = await pool.submit(insertCall("alice", 1n, "k", "other"));
    expect(other.error).toEqual({ module: "txpool", code: 1, message: "replacement transaction underpriced" });
    const next = insertCall("alice", 0n, "k", "next");
    await pool.submit(next);
    pool.used([hash(next)]);
    const late = await pool.submit(insertCall("alice", 0n, "k", "late"));
    expect(late.error).toEqual({ module: "txpool", code: 1, message: "transaction expired" });
  });

  test("is refused when too many wait to be checked, or too many bytes", async () => {
    await pool.stop();
    await makePool({ maxTransactions: 2, maxBytes: 300 });
    let fail: (error: Error) => void = () => undefined;
    interfere = () =>
      new Promise((_, reject) => {
        fail = reject;
      });
    const waiting = ["a", "b"].map((name) => pool.submit(insertCall(name, 0n, "k", "v")));
    await expect(pool.submit(insertCall("c", 0n, "k", "v".repeat(120)))).rejects.toThrow("limit 300 bytes");
    waiting.push(pool.submit(insertCall("c", 0n, "k", "v")));
    await expect(pool.submit(insertCall("d", 0n, "k", "v"))).rejects.toMatchObject({
      module: "unknown",
      message: "check queue is full",
    });
    const ends = Promise.allSettled(waiting);
    void pool.stop();
    for (const end of await ends) expect(end).toMatchObject({ reason: { module: "txpool", code: 6 } });
    fail(new CallFailure("closed", "gone"));
  });

  test("shares the check of the same one from a peer", async () => {
    const tx = insertCall("alice", 0n, "k", "v");
    expect(pool.offer(tx)).toBe(true);
    expect(pool.offer(tx)).toBe(false);
    expect(codeOf(await pool.submit(tx))).toBe("/0");
    expect(published).toEqual([tx]);
  });
});

describe("a transaction of a peer", () => {
  test("is queued but not gossiped again before its time", async () => {
    const tx = insertCall("alice", 0n, "k", "v");
    pool.offer(tx);
    await settled();
    expect(pool.all()).toEqual([tx]);
    clock.pass(pool.limits.republishMs - 1);
    await settled();
    expect(published).toEqual([]);
    clock.pass(2000);
    await settled();
    expect(published).toEqual([tx]);
  });

  test("that was executed while it was being checked is not queued", async () => {
    const tx = insertCall("alice", 0n, "k", "v");
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    interfere = (_, value, go) => gate.then(() => go(value));
    pool.offer(tx);
    await settled();
    expect(pool.get(hash(tx))).toEqual(tx);
    pool.used([hash(tx)]);
    release();
    await settled();
    expect(pool.all()).toEqual([]);
  });
});

describe("a runtime that misbehaves", () => {
  test("by refusing a whole batch has its transactions checked one by one", async () => {
    const poison = insertCall("mallory", 0n, "k", "v");
    interfere = (_, value, go) => {
      const { inputs } = value as { inputs?: Uint8Array[] };
      if (inputs?.some((raw) => raw.join() === poison.join())) throw new CodedError("test", 9, "poison");
      return go(value);
    };
    const [good, bad] = await Promise.all([pool.submit(insertCall("alice", 0n, "k", "v")), pool.submit(poison)]);
    expect(codeOf(good)).toBe("/0");
    expect(codeOf(bad)).toBe("test/9");
  });

  test("by not answering has the batch checked again after a second", async () => {
    interfere = () => Promise.reject(new CallFailure("closed", "gone"));
    const result = pool.submit(insertCall("alice", 0n, "k", "v"));
    await settled();
    expect(pool.size).toBe(1);
    interfere = (_, value, go) => go(value);
    clock.pass(1000);
    expect(codeOf(await result)).toBe("/0");
  });

  test("by accepting without metadata has the transaction rejected", async () => {
    interfere = (kind, value, go) =>
      go(value).then((answer) => {
        if (kind === "RuntimeCheckTxBatchRequest") {
          for (const result of (answer as { results: CheckTxResult[] }).results) result.meta = null;
        }
        return answer;
      });
    const tx = insertCall("alice", 0n, "k", "v");
    expect(codeOf(await pool.submit(tx, true))).toBe("/0");
    expect(codeOf(await pool.submit(tx))).toBe("txpool/1");
  });
});

describe("transactions in the pool", () => {
  test("are checked again after some rounds, and leave when they are no longer valid", async () => {
    const tx = insertCall("alice", 0n, "k", "v");
    await pool.submit(tx);
    interfere = () => Promise.reject(new CodedError("test", 1, "no longer"));
    pool.update(basisOf(pool.limits.recheckRounds));
    await settled();
    expect(pool.all()).toEqual([tx]);
    pool.update(basisOf(pool.limits.recheckRounds + 1n));
    await settled();
    expect(pool.all()).toEqual([]);
    expect(pool.offer(tx)).toBe(true);
  });

  test("are checked again when the committee changes", async () => {
    await pool.submit(insertCall("alice", 0n, "k", "v"));
    let checks = 0;
    interfere = (_, value, go) => {
      checks++;
      return go(value);
    };
    const basis = basisOf(1n);
    const committee = { kind: 1, members: [], runtimeId: RUNTIME_ID, validFor: 2n };
    pool.update({ ...basis, state: { ...basis.state, committee } });
    await settled();
    expect(checks).toBe(1);
    expect(pool.suggestion(10)).toHaveLength(1);
  });

  test("that the scheduler rejected may come again", async () => {
    const tx = insertCall("alice", 0n, "k", "v");
    await pool.submit(tx);
    pool.reject([hash(tx)]);
    expect(pool.all()).toEqual([]);
    expect(codeOf(await pool.submit(tx))).toBe("/0");
  });

  test("of proposals that came from a peer are at hand for later rounds, too", async () => {
    const known = insertCall("alice", 0n, "a", "b");
    const added = insertCall("bob", 0n, "a", "b");
    await pool.submit(known);
    pool.receiveProposed([known, added, new Uint8Array(0)]);
    pool.clearProposed();
    expect(pool.get(hash(added))).toEqual(added);
    const before = checked;
    while (checked === before) await new Promise((resolve) => setImmediate(resolve));
    expect(pool.suggestion(10)).toHaveLength(2);
  });

  test("of proposals and incoming messages can be found until the round is over", () => {
    const [proposed, incoming] = [utf8("proposed"), utf8("incoming")];
    const message = { id: 0n, caller: new Uint8Array(21), tag: 0n, fee: 0n, tokens: 0n, data: incoming };
    pool.propose([proposed]);
    pool.update({ ...basisOf(1n), incoming: [message] });
    expect(pool.get(hash(proposed))).toEqual(proposed);
    expect(pool.get(hash(incoming))).toEqual(incoming);
    expect(pool.all()).toEqual([incoming]);
    pool.clearProposed();
    pool.update(basisOf(2n));
    expect(pool.get(hash(proposed))).toBeUndefined();
    expect(pool.get(hash(incoming))).toBeUndefined();
  });
});
