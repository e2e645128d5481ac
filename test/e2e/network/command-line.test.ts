import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { processes } from "./support/processes.ts";

let folder: string;
const qanat = processes();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "qanat-cli-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("qanat net", () => {
  test("finalises rounds and stops by itself, telling everything as JSON", async () => {
    const net = qanat("net", "--rounds", "3", "--json", "--port", "0");
    const { code, stderr } = await net.exited;
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const ready = net.events.find((e) => e.event === "ready");
    expect(ready?.runtime_id).toMatch(/^80{63}$/);
    expect(ready?.grpc_web).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const accounts = ready?.accounts as { address: string; seed: string }[];
    expect(accounts).toHaveLength(10);
    expect(accounts[0]).toEqual({
      address: "oasis1qzzd6khm3acqskpxlk9vd5044cmmcce78y5l6000",
      seed: "a98a433a269e64e2265b564cebb863058a1faf2abea90c734fa1f2fc27044dd7",
    });
    const heights = net.events.filter((e) => e.event === "block").map((e) => e.height as number);
    expect(heights).toEqual(heights.map((_, i) => i + 1));
    const rounds = net.events.filter((e) => e.event === "round");
    for (const round of rounds) expect(["workers", "backup", "timeout"]).toContain(round.finalized_by);
    const last = net.events.at(-1);
    expect(last?.event).toBe("summary");
    expect(last?.rounds).toBeGreaterThanOrEqual(3);
    expect(last?.blocks).toBe(heights.length);
    expect(last?.first_round_ms).toBeGreaterThan(last?.first_block_ms as number);
    expect(last?.memory_mb).toBeGreaterThan(0);
    // The temporary folder is gone with the network.
    expect(existsSync(join(String(ready?.grpc), ".."))).toBe(false);
  });

  test("stops cleanly when it is interrupted", async () => {
    const net = qanat("net", "--json", "--port", "0", "--quiet-load");
    await net.event("ready");
    net.kill("SIGINT");
    const { code } = await net.exited;
    expect(code).toBe(0);
    expect(net.events.at(-1)?.event).toBe("summary");
  });

  test("keeps its keys and its socket to itself", async () => {
    const data = join(folder, "net");
    const net = qanat("net", "--json", "--port", "0", "--data", data, "--quiet-load");
    const ready = await net.event("ready");
    expect(statSync(ready.grpc as string).mode & 0o777).toBe(0o600);
    expect(statSync(join(data, "network.key")).mode & 0o777).toBe(0o600);
  });

  test("refuses a folder that another process uses, and the other goes on", async () => {
    const data = join(folder, "net");
    const first = qanat("net", "--json", "--port", "0", "--data", data);
    await first.event("ready");
    const second = qanat("net", "--json", "--port", "0", "--data", data);
    const { code, stderr } = await second.exited;
    expect(code).toBe(1);
    expect(stderr).toContain(`data: ${data} is in use by another process`);
    const seen = first.events.length;
    await first.event("round", (e) => first.events.indexOf(e) >= seen);
  });

  test("names a busy port", async () => {
    const busy = createServer();
    await new Promise<void>((done) => busy.listen(0, "127.0.0.1", done));
    const address = busy.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const { code, stderr } = await qanat("net", "--json", "--port", String(port)).exited;
    busy.close();
    expect(code).toBe(1);
    expect(stderr).toContain(`port: ${port} on 127.0.0.1 is already in use`);
  });

  test("names the path and the limit when the socket's path is too long", async () => {
    const data = join(folder, "a".repeat(60), "b".repeat(60));
    mkdirSync(data, { recursive: true });
    const { code, stderr } = await qanat("net", "--json", "--port", "0", "--data", data).exited;
    expect(code).toBe(1);
    expect(stderr).toMatch(/socket: the path .* has \d+ bytes, the limit is 107/);
  });

  test("names what is wrong with the documents of a network", async () => {
    const data = join(folder, "net");
    const first = qanat("net", "--rounds", "1", "--json", "--port", "0", "--data", data);
    expect((await first.exited).code).toBe(0);
    const genesis = join(data, "genesis.json");
    const original = readFileSync(genesis, "utf8");
    writeFileSync(genesis, original.replace('"height": 1', '"height": "x"'));
    const damaged = await qanat("net", "--rounds", "1", "--json", "--port", "0", "--data", data).exited;
    expect(damaged.code).toBe(1);
    expect(damaged.stderr).toContain("height: expected an integer");
    writeFileSync(genesis, original.replace("qanat local network", "another network"));
    const other = await qanat("net", "--rounds", "1", "--json", "--port", "0", "--data", data).exited;
    expect(other.code).toBe(1);
    expect(other.stderr).toMatch(/data: holds chain [0-9a-f]{64}, the genesis document is of chain [0-9a-f]{64}/);
    writeFileSync(genesis, original);
    const again = await qanat("net", "--rounds", "1", "--json", "--port", "0", "--data", data).exited;
    expect(again.code).toBe(0);
  });
});

describe("options", () => {
  test.each([
    [["net", "--round", "3"], /unknown option '--round'[\s\S]*Did you mean --rounds\?/],
    [["nett"], /unknown command 'nett'[\s\S]*Did you mean net\?/],
    [["net", "--rounds", "0"], /--rounds: expected a whole number from 1/],
    [["net", "--port", "65536"], /--port: expected a whole number from 0 to 65535, got "65536"/],
    [["net", "--block-interval", "soon"], /--block-interval: expected a whole number/],
  ])("%j is refused with what is wrong and exit code 2", async (args, message) => {
    const { code, stderr } = await qanat(...args).exited;
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });

  test.each([["--help"], ["net", "--help"], ["replay", "--help"]])("%s %s explains itself", async (...args) => {
    expect((await qanat(...args.filter((a) => a !== undefined)).exited).code).toBe(0);
  });
});
