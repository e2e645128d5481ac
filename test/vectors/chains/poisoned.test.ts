import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { vectorPath, vectors } from "../support/vectors.ts";
import { nightly, recordingNames } from "./support/recordings.ts";

const SHORT = [
  "beacon-vrf-honest",
  "debond",
  "gas-fees-staking-dump-restore",
  "halt-restore",
  "min-transact-balance",
  "node-upgrade-consensus240",
  "runtime-message",
  "validator-equivocation",
];
const names = recordingNames.filter((name) => nightly || SHORT.includes(name));
const SOURCE = resolve(import.meta.dirname, "support/poisoned-replay.ts");

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "qanat-poisoned-"));
  await build({
    entryPoints: [SOURCE],
    outfile: join(folder, "replay.mjs"),
    bundle: true,
    platform: "node",
    format: "esm",
    conditions: ["source", "node"],
    logLevel: "error",
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a poisoned environment", () => {
  test.each(names)("with restarts at every tenth height changes nothing in %s", { timeout: 600_000 }, (name) => {
    const seed = `${Date.now() % 2_147_483_647}`;
    const env = {
      PATH: process.env["PATH"] ?? "",
      TZ: "Pacific/Kiritimati",
      LANG: "tr_TR.UTF-8",
      LC_ALL: "tr_TR.UTF-8",
    };
    const args = [join(folder, "replay.mjs"), seed, vectorPath(`chains/${name}`)];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: "utf8" });
    expect(stderr, `seed ${seed}`).toBe("");
    expect(status).toBe(0);
    const { final_app_hash: expected } = vectors<{ final_app_hash: string }>(`chains/${name}/summary.json`);
    expect(stdout.trim()).toBe(expected);
  });
});
