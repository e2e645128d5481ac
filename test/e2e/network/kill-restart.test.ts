import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import { createClient } from "#common/rpc/index.js";
import { consensusMethods } from "#consensus/rpc.js";
import { connectGrpc, type GrpcChannel } from "#platform/grpc-client.js";
import { Call } from "#runtime/kit/call.js";
import { runtimeClientMethods } from "#worker/client/rpc.js";
import { struct, text, u64, u8 } from "#common/schema/index.js";
import { Random } from "../../unit/mkvs/support/random.ts";
import { sendTransfers, sleep, untilCut } from "./support/load.ts";
import { type Event, Qanat } from "./support/qanat.js";

const KILLS = 20;
/** A life ends after so many answered transfers at most, and then after so many milliseconds more. */
const MOST_TRANSFERS = 6;
const LONGEST_REST_MS = 400;

class Insert extends struct("Insert", {
  key: text({ max: 64 }),
  value: text({ max: 64 }),
  generation: u64,
  churpId: u8,
}) {}
class Key extends struct("Key", { key: text({ max: 64 }), generation: u64, churpId: u8 }) {}

let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "qanat-kill-"));
});
afterEach(() => rmSync(data, { recursive: true, force: true }));

/** Everything that was answered as included, over all lives of the network. */
class Ledger {
  /** Raw consensus transactions that were answered as included, in hexadecimal. */
  readonly transfers: string[] = [];
  /** Keys of the runtime that were answered as inserted. */
  readonly inserted: string[] = [];
  readonly appHashes = new Map<number, string>();

  observe(event: Event): void {
    if (event.event !== "block") return;
    const height = event.height as number;
    const known = this.appHashes.get(height);
    if (known !== undefined && known !== event.app_hash) throw new Error(`height ${height} was made twice`);
    this.appHashes.set(height, event.app_hash as string);
  }
}

async function insertKeys(channel: GrpcChannel, runtimeId: Uint8Array, life: number, ledger: Ledger): Promise<void> {
  const runtime = createClient(runtimeClientMethods, channel);
  const sender = new Uint8Array(32).fill(life + 1);
  for (let nonce = 0n; ; nonce++) {
    const key = `life ${life} key ${nonce}`;
    const args = Insert.encode({ key, value: key, generation: 0n, churpId: 0 });
    const call = Call.encode({ sender, nonce, method: "insert", args });
    await runtime.SubmitTx({ runtimeId, data: call });
    ledger.inserted.push(key);
  }
}

async function checkEverything(channel: GrpcChannel, runtimeId: Uint8Array, ledger: Ledger): Promise<void> {
  const consensus = createClient(consensusMethods, channel);
  const latest = await consensus.GetLatestHeight();
  const seen = new Set<string>();
  let previous: Uint8Array | undefined;
  for (let height = 1n; height <= latest; height++) {
    const block = await consensus.GetBlock(height);
    const { transactions, results } = await consensus.GetTransactionsWithResults(height);
    expect(results?.length).toBe(transactions?.length);
    for (const tx of transactions ?? []) seen.add(toHex(tx));
    const recorded = ledger.appHashes.get(Number(height) - 1);
    if (recorded !== undefined) expect(toHex(block.stateRoot.hash)).toBe(recorded);
    expect(previous === undefined || toHex(previous) !== toHex(block.hash)).toBe(true);
    previous = block.hash;
  }
  expect(ledger.transfers.filter((tx) => !seen.has(tx))).toEqual([]);
  const runtime = createClient(runtimeClientMethods, channel);
  const round = 0xffffffffffffffffn;
  for (const key of ledger.inserted) {
    const args = Key.encode({ key, generation: 0n, churpId: 0 });
    const answer = await runtime.Query({ runtimeId, round, method: "get", args });
    expect(text({ max: 64 }).decode(answer.data ?? new Uint8Array(0))).toBe(key);
  }
}

test(
  `continues after SIGKILL at ${KILLS} random moments under load, with nothing lost that was answered`,
  async () => {
    const seed = Number(process.env.QANAT_SEED ?? Math.floor(Math.random() * 2 ** 31));
    console.info(`kill test: seed ${seed} (set QANAT_SEED to repeat)`);
    const random = new Random(seed);
    const ledger = new Ledger();
    let lastHeight = 0;
    for (let life = 0; life <= KILLS; life++) {
      const net = new Qanat("net", "--json", "--port", "0", "--data", data);
      try {
        const ready = await net.event("ready");
        const runtimeId = fromHex(ready.runtime_id as string);
        const channel = connectGrpc(ready.grpc as string);
        const first = await net.event("block");
        // The very last block may have been stored without being told about any more.
        expect([lastHeight + 1, lastHeight + 2]).toContain(first.height);
        if (life === KILLS) {
          await checkEverything(channel, runtimeId, ledger);
          channel.close();
          break;
        }
        const work = [
          untilCut(sendTransfers(channel, ledger.transfers)),
          untilCut(insertKeys(channel, runtimeId, life, ledger)),
        ];
        // Answers are counted, not seconds, so that the test does the same on a slow machine.
        const target = ledger.transfers.length + random.below(MOST_TRANSFERS + 1);
        while (ledger.transfers.length < target) await sleep(5);
        await sleep(random.below(LONGEST_REST_MS));
        net.kill("SIGKILL");
        await net.exited;
        // Work must end because the connection broke, not because the network refused something.
        for (const error of await Promise.all(work)) expect(error).not.toBeInstanceOf(CodedError);
        channel.close();
        for (const event of net.events) ledger.observe(event);
        lastHeight = Math.max(...ledger.appHashes.keys());
      } finally {
        await net.dispose();
      }
    }
    console.info(
      `kill test: ${lastHeight} blocks, ${ledger.transfers.length} transfers, ${ledger.inserted.length} keys`,
    );
    expect(ledger.transfers.length).toBeGreaterThan(0);
    expect(ledger.inserted.length).toBeGreaterThan(0);
  },
  KILLS * 60_000,
);
