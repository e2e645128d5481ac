import { afterEach, describe, expect, test } from "vitest";
import { toHex, utf8 } from "#common/bytes.js";
import { hash } from "#common/hash.js";
import type { Runtime } from "#consensus/services/registry/types/runtime.js";
import type { KeyedSignature } from "#common/crypto/signature.js";
import { defineRuntime, method, noArguments, openSignedCall, struct, u32 } from "#runtime/kit/index.js";
import { RuntimeExecuteTxBatchResponse } from "#runtime/rhp/messages/index.js";
import { type BatchCut, excessOf, fewer } from "#worker/executor/storable.js";
import { nodeNames } from "./support/local-network.ts";
import { ALICE, BOB, ProgramNetwork } from "./support/program-network.ts";

/** So many entries of so many bytes, from a number on. */
class Size extends struct("Size", { from: u32, entries: u32, bytes: u32 }) {}

const filler = defineRuntime({
  version: { major: 0, minor: 0, patch: 0 },
  decodeCall: openSignedCall,
  methods: {
    fill: method({
      args: Size,
      result: noArguments,
      execute(ctx, { from, entries, bytes }) {
        for (let i = from; i < from + entries; i++) ctx.state.insert(utf8(`entry ${i}`), new Uint8Array(bytes).fill(1));
        return null;
      },
    }),
  },
});

/** Entries that storage nodes take of one tree and round. */
const MOST = 24n;
let network: ProgramNetwork;
afterEach(() => network.stop());

async function start(tune: (committee: NonNullable<Runtime["storage"]["committee"]>) => void): Promise<void> {
  network = new ProgramNetwork(filler, {
    receipts: true,
    tune({ storage: { committee } }) {
      if (committee === undefined) throw new TypeError("the runtime demands receipts");
      tune(committee);
    },
  });
  await network.start();
}

const fill = (by: typeof ALICE, size: Size): Promise<{ round: bigint; error?: string }> =>
  network.call(by, "fill", Size, size);

/** Sends a transaction and does not wait for it. */
function send(by: typeof ALICE, size: Size): Promise<void> {
  return network.net.worker("client-0").client.submitTxNoWait(network.transaction(by, "fill", Size, size));
}

/** What all nodes have left out of their batches so far. */
function watchCuts(): readonly BatchCut[] {
  const seen: BatchCut[] = [];
  for (const name of nodeNames("compute")) {
    const cuts = network.net.worker(name).watchCuts();
    void (async () => {
      for await (const cut of cuts) seen.push(cut);
    })();
  }
  return seen;
}

/** Receipts of the round's scheduler, as they stand in its commitment. */
async function receiptsOf(round: bigint): Promise<KeyedSignature[]> {
  const { height } = network.net.worker("client-0").history.block(round) as { height: bigint };
  for (let h = height; h > 0n; h--) {
    const commits = (await network.rootHashEvents(h)).flatMap(
      ({ executorCommitted }) => executorCommitted?.commit ?? [],
    );
    const found = commits.find(({ header }) => header.header.round === round);
    if (found !== undefined) return found.storageSigs ?? [];
  }
  return [];
}

describe("results that are too large for storage nodes", () => {
  test("come from fewer transactions at a time: all become final, with receipts", async () => {
    await start((committee) => (committee.maxApplyWriteLogEntries = MOST));
    const cuts = watchCuts();
    const calls = Array.from({ length: 40 }, (_, i) => fill(ALICE, { from: 2 * i, entries: 2, bytes: 10 }));
    const rounds = (await Promise.all(calls)).map(({ round }) => round);
    const used = new Set(rounds);
    expect(used.size).toBeGreaterThanOrEqual(4);
    for (const round of used) expect((await receiptsOf(round)).length).toBeGreaterThanOrEqual(2);
    expect(cuts.length).toBeGreaterThan(0);
    for (const { from, to, dropped } of cuts) {
      expect(to).toBeLessThan(from);
      expect(to).toBeGreaterThan(0);
      expect(dropped).toBeUndefined();
    }
  });

  test("of a single transaction make the scheduler drop it, and others go on", async () => {
    await start((committee) => (committee.maxApplyWriteLogEntries = MOST));
    await fill(ALICE, { from: 0, entries: 1, bytes: 10 });
    const cuts = watchCuts();
    const tooMuch = network.transaction(BOB, "fill", Size, { from: 100, entries: 100, bytes: 10 });
    await network.net.worker("client-0").client.submitTxNoWait(tooMuch);
    const rounds = [];
    for (let i = 1; i < 6; i++) rounds.push((await fill(ALICE, { from: i, entries: 1, bytes: 10 })).round);
    expect(new Set(rounds).size).toBe(5);
    const { client } = network.net.worker("client-0");
    const last = rounds.at(-1) as bigint;
    const transactions = [];
    for (let round = 1n; round <= last; round++) transactions.push(...client.getTransactions(round));
    expect(transactions).toHaveLength(6);
    expect(cuts.length).toBeGreaterThan(0);
    for (const { problem, to, dropped } of cuts.filter((cut) => cut.dropped !== undefined)) {
      expect([to, toHex(dropped as Uint8Array)]).toEqual([0, toHex(hash(tooMuch))]);
      expect(problem).toMatch(/^1\d\d changes of a tree, of which storage nodes take 24$/);
    }
    expect(cuts.some(({ dropped }) => dropped !== undefined)).toBe(true);
  });

  test("because of one entry that no proof could show in a transaction are dropped too", async () => {
    await start(() => undefined);
    await fill(ALICE, { from: 0, entries: 1, bytes: 60_000 });
    await send(BOB, { from: 100, entries: 1, bytes: 66_000 });
    const { round } = await fill(ALICE, { from: 1, entries: 1, bytes: 10 });
    expect((await receiptsOf(round)).length).toBeGreaterThanOrEqual(2);
  });
});

describe("a batch that is cut", () => {
  const response = (entries: number, bytes = 1): RuntimeExecuteTxBatchResponse => {
    const zero = RuntimeExecuteTxBatchResponse.zero();
    const stateWriteLog = Array.from({ length: entries }, (_, i): [Uint8Array, Uint8Array] => [
      utf8(String(i)),
      new Uint8Array(bytes),
    ]);
    return { ...zero, batch: { ...zero.batch, stateWriteLog } };
  };

  test("fits next time if transactions are alike, and is never as large as before", () => {
    const limits = { entries: 100n, entryBytes: 50 };
    expect(excessOf(response(100), limits)).toBeUndefined();
    const excess = excessOf(response(400), limits);
    expect(excess?.factor).toBe(4);
    if (excess === undefined) throw new TypeError("there is too much");
    expect([fewer(100, excess), fewer(2, excess), fewer(1, excess)]).toEqual([22, 1, 0]);
    const large = excessOf(response(1, 51), limits);
    expect(large).toMatchObject({ factor: undefined });
    expect(excessOf(response(1, 51), { ...limits, entryBytes: undefined })).toBeUndefined();
    if (large === undefined) throw new TypeError("there is too much");
    for (let count = 1; count < 50; count++) expect(fewer(count, large)).toBeLessThan(count);
  });
});
