import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { parseGenesis } from "#consensus/genesis/document.js";
import { readHeight } from "#consensus/replay/recording.js";
import { Replay } from "#consensus/replay/replay.js";
import { makeSmallChain } from "./support/small-chain.ts";

const FOLDER = join(import.meta.dirname, "small-chain");
const GENESIS = join(FOLDER, "genesis.json");
const BLOCKS = join(FOLDER, "blocks.jsonl.gz");

const recorded = (): { genesis: string; lines: string[] } => ({
  genesis: readFileSync(GENESIS, "utf8"),
  lines: gunzipSync(readFileSync(BLOCKS)).toString("utf8").trimEnd().split("\n"),
});

describe("a small chain of this project's own", () => {
  // `node tools/golden.mjs` records it anew; everybody else only reads it.
  beforeAll(async () => {
    if (process.env["QANAT_GOLDEN"] !== "write") return;
    const { genesis, lines } = await makeSmallChain();
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(GENESIS, genesis);
    writeFileSync(BLOCKS, gzipSync(`${lines.join("\n")}\n`, { level: 9 }));
  });

  it("can be made again: the same twice, and what is made now replays too", async () => {
    const [first, second] = [await makeSmallChain(), await makeSmallChain()];
    expect(first).toEqual(second);
    const replay = new Replay(parseGenesis(first.genesis), { verifyCommits: true });
    for (const line of first.lines) replay.step(line);
  });

  it("replays: every hash, result, event and signature agrees", () => {
    const { genesis, lines } = recorded();
    const replay = new Replay(parseGenesis(genesis), { verifyCommits: true });
    for (const line of lines) replay.step(line);
    expect(replay.app.height).toBe(8n);
  });

  it("holds transactions that succeed and others that fail", () => {
    const results = recorded().lines.flatMap((line) => readHeight(line).results);
    expect(results.filter(({ code, gasUsed }) => code === 0 && gasUsed > 0n).length).toBeGreaterThanOrEqual(6);
    expect(results.filter(({ code }) => code !== 0).length).toBeGreaterThanOrEqual(2);
  });

  it("does not replay when one result is changed", () => {
    const { genesis, lines } = recorded();
    const replay = new Replay(parseGenesis(genesis), { verifyCommits: true });
    const changed = lines.map((line) => line.replace(/"gas_used":(?!0)/, '"gas_used":1'));
    expect(() => changed.forEach((line) => replay.step(line))).toThrow();
  });
});
