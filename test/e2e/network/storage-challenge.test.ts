import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { Qanat } from "./support/qanat.ts";

const BIN = resolve("dist/qanat.mjs");
const KV = `80${"00".repeat(31)}`;
const folder = mkdtempSync(join(tmpdir(), "qanat-challenge-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

let data = "";
let net: Qanat;
let count = 0;
afterEach(() => net.dispose());

async function start(...options: string[]): Promise<void> {
  data = join(folder, `net-${count++}`);
  net = new Qanat("net", "--json", "--port", "0", "--data", data, ...options);
  await net.event("ready");
}

function challenge(...args: string[]): Promise<Outcome> {
  const words = ["runtime", "challenge", KV, "--node", data, "--test-entity", ...args];
  return new Promise((done) => {
    execFile(process.execPath, [BIN, ...words], (error, out, err) =>
      done({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

describe("qanat runtime challenge", () => {
  test("makes a storage node of a running network prove that it has a round", async () => {
    await start();
    const { round } = await net.event("receipts");
    const { code, out, err } = await challenge("--json", "--round", String(round));
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const lines = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ event }) => event)).toEqual(["challenged", "answered"]);
    expect(lines[0]).toMatchObject({ round, tree: "state" });
    const node = String(lines[0]?.["node"]);
    const io = await challenge("--tree", "io", "--storage-node", node);
    expect(io.err).toBe("");
    expect(io.out).toContain(`challenged ${node} for the io of round`);
    expect(io.out).toContain("answered: the node has the data");
  });

  test("says why it cannot be done", async () => {
    await start("--no-receipts", "--quiet-load");
    const none = await challenge();
    expect(none.code).not.toBe(0);
    expect(none.err).toContain("the blocks that are still there hold no such receipt");
    const wrong = await challenge("--storage-node", "nobody");
    expect(wrong.err).toContain("--storage-node");
  });
});
