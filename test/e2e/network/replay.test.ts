import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { vectorsFolder } from "../../vectors/support/folder.ts";
import { processes } from "./support/processes.ts";
import type { Event } from "./support/qanat.ts";

const BIN = resolve(import.meta.dirname, "../../../dist/qanat.mjs");
const chains = join(vectorsFolder() ?? "", "chains");
const present = vectorsFolder() !== undefined && existsSync(join(chains, "debond"));
if (!present) process.stderr.write("SKIPPED qanat replay: no recorded chains here\n");

let folder: string;
const start = processes();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "qanat-replay-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function qanat(...args: string[]): Promise<{ code: number | null; stderr: string; events: readonly Event[] }> {
  const process = start(...args);
  const { code, stderr } = await process.exited;
  return { code, stderr, events: process.events };
}

/** What a command prints that prints no events. */
function output(...args: string[]): { code: number | null; stdout: string } {
  const { status, stdout } = spawnSync(process.execPath, [BIN, ...args], { encoding: "utf8" });
  return { code: status, stdout };
}

/** A copy of a recording with its blocks changed. */
function damaged(name: string, change: (lines: string) => string): string {
  const copy = join(folder, "damaged");
  cpSync(join(chains, name), copy, { recursive: true });
  const lines = gunzipSync(readFileSync(join(chains, name, "blocks.jsonl.gz"))).toString("utf8");
  rmSync(join(copy, "blocks.jsonl.gz"), { force: true });
  writeFileSync(join(copy, "blocks.jsonl.gz"), gzipSync(change(lines)));
  return copy;
}

describe.skipIf(!present)("qanat replay", () => {
  test("agrees with a recording and tells each height as JSON", async () => {
    const { code, stderr, events } = await qanat("replay", join(chains, "debond"), "--json", "--verify-commits");
    expect([code, stderr]).toEqual([0, ""]);
    expect(events.map(({ height }) => height)).toEqual([1, 2, 3, 4, 5, undefined]);
    expect(events.at(-1)).toMatchObject({ event: "summary", blocks: 5, transactions: 13, skipped: 0 });
  });

  test("ends with 1 at the first difference and names its place", async () => {
    const copy = damaged("debond", (lines) => lines.replace(/"gas_used":0/, '"gas_used":1'));
    const { code, events } = await qanat("replay", copy, "--json");
    expect(code).toBe(1);
    const last = events.at(-1);
    expect(last).toMatchObject({ event: "difference", height: 1, recorded: "1", ours: "0", transaction: 0 });
    const { code: again, stdout } = output("replay", copy);
    expect(again).toBe(1);
    expect(stdout).toMatch(/differs.*height.*1.*gas used by transaction 0 \(consensus\.Meta\)/);
  });

  test("says so when the file itself is damaged", async () => {
    const copy = damaged("debond", (lines) => lines);
    const packed = readFileSync(join(copy, "blocks.jsonl.gz"));
    writeFileSync(join(copy, "blocks.jsonl.gz"), packed.subarray(0, packed.length >> 1));
    const { code, events } = await qanat("replay", copy, "--json");
    expect(code).toBe(1);
    expect(events.at(-1)).toMatchObject({ event: "difference", what: "blocks.jsonl.gz" });
  });

  test("notices heights that are missing at the end, and a summary that says something else", async () => {
    const shorter = damaged("debond", (lines) => lines.slice(0, lines.trimEnd().lastIndexOf("\n") + 1));
    const { code, events } = await qanat("replay", shorter, "--json");
    expect(code).toBe(1);
    expect(events.at(-1)).toMatchObject({
      event: "difference",
      what: "heights of summary.json",
      recorded: "5",
      ours: "4",
    });
    const copy = damaged("debond", (lines) => lines);
    const summary = readFileSync(join(copy, "summary.json"), "utf8");
    const changes: [string, string][] = [
      [summary.replace(/("final_app_hash": ")./, "$1x"), "final_app_hash of summary.json"],
      [summary.replace(/"txs": \d+/, '"txs": 1'), "txs of summary.json"],
      [summary.slice(1), "summary.json"],
    ];
    for (const [text, what] of changes) {
      rmSync(join(copy, "summary.json"));
      writeFileSync(join(copy, "summary.json"), text);
      const again = await qanat("replay", copy, "--json");
      expect([again.code, again.events.at(-1)?.what]).toEqual([1, what]);
    }
    expect((await qanat("replay", copy, "--json", "--until", "3")).code).toBe(0);
  });

  test("keeps blocks and states, goes on where it stopped, and they dump as the reference dumps them", async () => {
    const data = join(folder, "data");
    const dir = join(chains, "debond");
    const first = await qanat("replay", dir, "--json", "--until", "3", "--data", data);
    expect(first.events.at(-1)).toMatchObject({ event: "summary", blocks: 3, skipped: 0 });
    const second = await qanat("replay", dir, "--json", "--data", data);
    expect(second.events.at(-1)).toMatchObject({ event: "summary", blocks: 2, skipped: 3 });
    const dump = output("genesis", "dump", "--data", data, "--height", "5");
    expect(dump.code).toBe(0);
    expect(dump.stdout).toBe(`${readFileSync(join(dir, "final_genesis.json"), "utf8")}\n`);
    expect(JSON.parse(output("genesis", "dump", "--data", data, "--height", "2").stdout)).toMatchObject({ height: 2 });
    expect(output("genesis", "dump", "--data", data, "--height", "9").code).toBe(2);
    const other = await qanat("replay", join(chains, "gas-fees-staking"), "--json", "--data", data);
    expect([other.code, other.stderr.includes("belongs to another chain")]).toEqual([2, true]);
  });

  test("goes on after it was killed at any moment", async () => {
    const data = join(folder, "data");
    const dir = join(chains, "halt-restore");
    for (let i = 0; i < 4; i++) {
      const replay = start("replay", dir, "--json", "--data", data);
      let seen = 0;
      await Promise.race([replay.event("block", () => ++seen > 8), replay.exited]).catch(() => undefined);
      await replay.dispose();
    }
    const last = await qanat("replay", dir, "--json", "--data", data);
    expect([last.code, last.stderr]).toEqual([0, ""]);
    const { blocks, skipped } = last.events.at(-1) as unknown as { blocks: number; skipped: number };
    expect(blocks + skipped).toBe(77);
    expect(skipped).toBeGreaterThan(0);
    const dump = output("genesis", "dump", "--data", data);
    expect(dump.stdout).toBe(`${readFileSync(join(dir, "final_genesis.json"), "utf8")}\n`);
  });

  test.each([
    [["replay", "nowhere"], 1, /dir: .*blocks\.jsonl\.gz does not exist/],
    [["replay", ".", "--until", "0"], 2, /--until: expected a whole number from 1/],
    [["genesis", "dump", "--data", "nowhere"], 2, /--data: nowhere holds no chain/],
    [["genesis", "check", "nowhere.json"], 1, /file: nowhere\.json does not exist/],
  ])("%j is refused with what is wrong", async (args, expected, message) => {
    const { code, stderr } = await qanat(...args);
    expect(stderr).toMatch(message);
    expect(code).toBe(expected);
  });
});

describe.skipIf(!present)("qanat genesis check", () => {
  const file = join(chains, "debond", "genesis.json");

  test("prints the chain context of a sound document", async () => {
    const { code, events } = await qanat("genesis", "check", file, "--debug", "--json");
    expect(code).toBe(0);
    expect(events[0]).toMatchObject({ event: "genesis", height: 1, validators: 3 });
  });

  test("lists what is wrong by field", async () => {
    const copy = join(folder, "genesis.json");
    writeFileSync(copy, readFileSync(file, "utf8").replace(/"chain_id": ".*?"/, '"chain_id": ""'));
    const nameless = await qanat("genesis", "check", copy, "--debug", "--json");
    expect(nameless.code).toBe(1);
    expect(nameless.events).toEqual([{ event: "problem", field: "chain_id", reason: "must not be empty" }]);
    const { code, events } = await qanat("genesis", "check", file, "--json");
    expect(code).toBe(1);
    expect(events.map(({ field }) => field)).toContain("beacon.params.debug_mock_backend");
  });
});
