import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

const LAUNCHER = resolve(import.meta.dirname, "../../../tools/support/launcher.mjs");

describe("the program's launcher", () => {
  const folder = mkdtempSync(join(tmpdir(), "qanat-launcher-"));
  const program = join(folder, "qanat.mjs");
  const source = join(folder, "qanat.cjs");
  const code = join(folder, "qanat.cjs.code");
  copyFileSync(LAUNCHER, program);
  afterAll(() => rmSync(folder, { recursive: true }));

  function says(word: string): string {
    return `const { basename } = require("node:path");\nconsole.log("${word}", basename(__filename), process.argv[2]);\n`;
  }

  function run(env: Record<string, string> = {}): string {
    return execFileSync(process.execPath, [program, "x"], { encoding: "utf8", env: { ...process.env, ...env } }).trim();
  }

  it("runs the program, and keeps its code when it is asked to", () => {
    writeFileSync(source, says("one"));
    expect(run()).toBe("one qanat.cjs x");
    expect(existsSync(code)).toBe(false);
    expect(run({ QANAT_KEEP_CODE: "1" })).toBe("one qanat.cjs x");
    expect(readFileSync(code).length).toBeGreaterThan(32);
    expect(run()).toBe("one qanat.cjs x");
  });

  it("does not run kept code of another source, were it as long", () => {
    writeFileSync(source, says("one"));
    run({ QANAT_KEEP_CODE: "1" });
    writeFileSync(source, says("two"));
    expect(run()).toBe("two qanat.cjs x");
  });

  it("goes without code that is cut off or empty", () => {
    writeFileSync(source, says("one"));
    run({ QANAT_KEEP_CODE: "1" });
    const whole = readFileSync(code);
    for (const size of [0, 31, 32, 40]) {
      writeFileSync(code, whole.subarray(0, size));
      expect(run()).toBe("one qanat.cjs x");
    }
  });
});
