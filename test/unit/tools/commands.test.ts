import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { spread } from "../../../bench/support/bench.ts";

const ROOT = resolve(import.meta.dirname, "../../..");

function tool(...args: string[]): { code: number | null; out: string; err: string } {
  const done = spawnSync(process.execPath, args, { cwd: ROOT, encoding: "utf8" });
  return { code: done.status, out: done.stdout, err: done.stderr };
}

describe("the bench command", () => {
  test("names the nearest benchmark and ends with 2 when there is none of that name", () => {
    const { code, err } = tool("tools/bench.mjs", "strat");
    expect(code).toBe(2);
    expect(err).toContain("the nearest is start");
  });

  test("names the nearest option and ends with 2 when there is none of that name", () => {
    const { code, err } = tool("tools/bench.mjs", "--jsom");
    expect(code).toBe(2);
    expect(err).toContain("the nearest is --json");
  });

  test("explains itself", () => {
    const { code, out } = tool("tools/bench.mjs", "--help");
    expect(code).toBe(0);
    expect(out).toContain("npm run bench [-- NAME …]");
  });

  test("takes the middle of an odd and of an even number of values", () => {
    expect(spread([3, 1, 2])).toEqual({ value: 2, min: 1, max: 3 });
    expect(spread([4, 1, 3, 2])).toEqual({ value: 2.5, min: 1, max: 4 });
    expect(() => spread([])).toThrow("no values");
  });
});

describe("the build command", () => {
  test("refuses an option that it does not have", () => {
    const { code, err } = tool("tools/build.mjs", "--wat");
    expect(code).toBe(2);
    expect(err).toContain("--only bundle");
  });
});

describe("the commands of package.json", () => {
  test("are the ones that the README tells", () => {
    const manifest = JSON.parse(readFileSync(resolve(ROOT, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    expect(Object.keys(manifest.scripts).sort()).toEqual([
      "bench",
      "build",
      "check",
      "docs",
      "setup",
      "start",
      "test",
      "test:nightly",
    ]);
  });
});
