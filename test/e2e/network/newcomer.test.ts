import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { processes } from "./support/processes.ts";

const BIN = resolve(import.meta.dirname, "../../../dist/qanat.mjs");
const folder = mkdtempSync(join(tmpdir(), "qanat-new-"));
const qanat = processes();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

/** Exit code and complaint; a place in the program is never part of it. */
async function said(...args: string[]): Promise<string> {
  const { code, stderr } = await qanat(...args).exited;
  expect(stderr).not.toMatch(/\n {4}at /);
  return `${code} ${stderr}`;
}

const ID = `80${"00".repeat(31)}`;
const CREATE = ["bundle", "create", join(folder, "x.orc"), "--id", ID, "--version", "1.0.0", "--executable"];

describe("what a newcomer may do wrong is answered in one line", () => {
  test.each([
    [["genesis", "check", folder], /^1 error: file: .* is not a file\n$/],
    [["genesis", "check", BIN], /^1 error: file: .*qanat\.mjs: JSON: .*\n$/],
    [["replay", folder], /^1 error: dir: .*blocks\.jsonl\.gz does not exist\n$/],
    [["net", "--data", "", "--port", "0"], /^1 error: data: the name of the folder is empty\n$/],
    [["net", "--data", "/proc/nowhere/at/all", "--port", "0"], /^1 error: data: cannot use the folder \/proc.*\n$/],
    [["net", "--data", BIN, "--port", "0"], /^1 error: data: cannot use the folder .*\n$/],
    [["net", "extra"], /^2 error: too many arguments for 'net'.*\n\(--help lists the options\)\n$/],
    [["net", "--rounds", "99999999999999999999"], /^2 error: --rounds: expected a whole number from 1 to .*\n$/],
    [["net", "--port", "-1"], /^2 error: --port: expected a whole number from 0 to 65535, got "-1"\n$/],
    [["dev", folder], /^1 error: file: .* is not a file\n$/],
    [[...CREATE, folder], /^2 error: --executable: .* is not a file\n$/],
    [["bundle", "create", join(folder, "no", "x.orc"), ...CREATE.slice(3), BIN], /^1 error: ENOENT: .*\n$/],
    [["bundle", "inspect", BIN], /^1 error: bundle refused: .*\n$/],
    [["runtime", "list", "--node", folder], /^2 error: --node: no node runs in .*\n$/],
  ])("%j", async (args, expected) => {
    expect(await said(...args)).toMatch(expected);
  });
});

describe("a database file that is damaged", () => {
  test("is named instead of ending the process", async () => {
    const data = join(folder, "damaged");
    const args = ["net", "--json", "--port", "0", "--rounds", "1", "--data", data];
    expect((await qanat(...args).exited).code).toBe(0);
    const path = join(data, "consensus", "data.mdb");
    const whole = readFileSync(path);
    truncateSync(path, 8192);
    expect(await said(...args)).toMatch(/^1 error: data: .*data\.mdb is damaged: its end is missing\n$/);
    const overwritten = Buffer.from(whole).fill(7, 0, 4096);
    writeFileSync(path, overwritten);
    expect(await said(...args)).toMatch(/^1 error: data: .*data\.mdb is damaged, or no database\n$/);
    writeFileSync(path, whole);
    expect((await qanat(...args).exited).code).toBe(0);
  });
});

describe("a runtime that does not start", () => {
  const net = (script: string) =>
    said("net", "--json", "--port", "0", "--log", "none", "--runtime-host", "process", "--runtime", script);

  test("ends the network with what it said last, how it ended and how often it was tried", async () => {
    const complaint = 'process.stderr.write("no configuration\\nnothing to do\\n"); process.exit(7);';
    const text = await net(file("fails.mjs", complaint));
    expect(text).toMatch(/^1 error: no committee of runtime 80{63}: its program does not start\n/);
    expect(text).toMatch(/version 0\.0\.0 was started \d+ times: the runtime ended before it connected: exit code 7\n/);
    expect(text).toContain("    no configuration\n    nothing to do\n");
  });

  test("says that it was silent, or that it is none", async () => {
    expect(await net(file("silent.mjs", "process.exit(0);"))).toContain("it wrote nothing to standard error");
    // It connects, and ends instead of answering.
    const rude = `import { connect } from "node:net";
      connect(process.env.OASIS_WORKER_HOST, () => { console.error("changed my mind"); process.exit(3); });`;
    const text = await net(file("rude.mjs", rude));
    expect(text).toContain("changed my mind");
    expect(text).toContain("exit code 3");
  });

  test("does not keep a network from being stopped", async () => {
    const sleeper = file("sleeper.mjs", "setInterval(() => undefined, 1000); console.error('asleep');");
    const process = qanat("net", "--json", "--port", "0", "--runtime-host", "process", "--runtime", sleeper);
    await process.complaint(/asleep/);
    process.kill("SIGTERM");
    const { code } = await process.exited;
    expect(code).toBe(0);
    expect(process.events.at(-1)).toMatchObject({ event: "summary", rounds: 0 });
  });
});

describe("standard output", () => {
  const folders = (): string[] => readdirSync(join(folder, "tmp")).filter((name) => name.startsWith("qanat-"));
  const run = (stdout: "pipe" | number) => {
    mkdirSync(join(folder, "tmp"), { recursive: true });
    const env = { ...process.env, TMPDIR: join(folder, "tmp") };
    return spawn(process.execPath, [BIN, "net", "--json", "--port", "0"], { env, stdio: ["ignore", stdout, "pipe"] });
  };
  const end = async (child: ReturnType<typeof run>): Promise<{ code: number | null; stderr: string }> => {
    let stderr = "";
    child.stderr?.on("data", (data: Buffer) => void (stderr += data.toString()));
    return await new Promise((done) => child.once("close", (code) => done({ code, stderr })));
  };

  test("that nobody reads any more ends the network without a word, and nothing is left of it", async () => {
    const child = run("pipe");
    const ended = end(child);
    await new Promise<void>((done) => child.stdout?.once("data", () => done()));
    child.stdout?.destroy();
    expect(await ended).toEqual({ code: 1, stderr: "" });
    expect(folders()).toEqual([]);
  });

  test.skipIf(!existsSync("/dev/full"))("that takes nothing is named", async () => {
    const ended = await end(run(openSync("/dev/full", "w")));
    expect(ended).toEqual({ code: 1, stderr: expect.stringMatching(/^error: standard output: ENOSPC.*\n$/) as string });
    expect(folders()).toEqual([]);
  });
});
