import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import { createClient } from "#common/rpc/index.js";
import { nodeControllerMethods } from "#node/rpc/control-methods.js";
import { BundleDownloads, registryUrl } from "#platform/bundle-downloads.js";
import { BundleStore } from "#platform/bundle-store.js";
import { readBundle } from "#platform/bundle-archive.js";
import { systemClock } from "#platform/clock.js";
import { connectGrpc } from "#platform/grpc-client.js";
import { lineLog } from "#platform/log.js";
import type { Log, LogFields } from "#common/ports/log.js";
import { processes } from "../network/support/processes.ts";
import { bundleRuntime } from "./support/bundle.ts";

const KV = `80${"00".repeat(31)}`;
const folder = mkdtempSync(join(tmpdir(), "qanat-downloads-"));
const qanat = processes();
let server: Server;
let address = "";
let archive = "";
let hash: Uint8Array;
/** What the registries answer, by path. */
const answers = new Map<string, string | Uint8Array>();
const asked: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    const path = request.url ?? "";
    asked.push(path);
    const answer = answers.get(path);
    response.writeHead(answer === undefined ? 404 : 200).end(answer);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const at = server.address();
  address = `http://127.0.0.1:${typeof at === "object" && at !== null ? at.port : 0}`;
  archive = join(folder, "kv.orc");
  const program = await bundleRuntime("test/e2e/runtime/support/kv-next.ts");
  const made = qanat("bundle", "create", archive, "--id", KV, "--version", "1.0.0", "--executable", program);
  expect((await made.exited).code).toBe(0);
  hash = (await readBundle(archive)).hash;
});
afterEach(async () => {
  answers.clear();
  asked.length = 0;
});
afterAll(async () => {
  await new Promise<void>((done) => server.close(() => done()));
  rmSync(folder, { recursive: true, force: true });
});

describe("bundles from registries", () => {
  async function fetched(maxBytes: number, ...registries: string[]): Promise<{ store: BundleStore; errors: string[] }> {
    const store = new BundleStore(mkdtempSync(join(folder, "store-")));
    const errors: string[] = [];
    const ignore = (): void => undefined;
    const error = (_: string, fields?: LogFields): void => void errors.push(String(fields?.["error"] ?? ""));
    const log: Log = { debug: ignore, info: ignore, warn: ignore, error, child: () => log };
    let ended: () => void = () => undefined;
    const over = new Promise<void>((done) => {
      ended = done;
    });
    const urls = registries.map((path) => registryUrl("--registry", `${address}${path}`));
    const clock = { ...systemClock, setTimer: () => (ended(), { cancel: () => undefined }) };
    const downloads = new BundleDownloads({ registries: urls, store, maxBytes, clock, log, arrived: () => ended() });
    downloads.want(hash);
    downloads.want(hash);
    await over;
    await downloads.stop();
    return { store, errors };
  }
  const id = (): string => toHex(hash);

  test("are asked for by hash, fetched from where the registry says, and installed", async () => {
    answers.set(`/registry/${id()}`, `${address}/files/kv.orc\n`);
    answers.set("/files/kv.orc", readFileSync(archive));
    const { store } = await fetched(1 << 20, "/registry");
    expect(store.list().map((bundle) => toHex(bundle.hash))).toEqual([id()]);
    expect(asked).toEqual([`/registry/${id()}`, "/files/kv.orc"]);
  });

  test("are refused when they are missing, too large, no bundle or another one; the next registry is asked", async () => {
    const other = join(folder, "other.orc");
    const program = await bundleRuntime("examples/kv/process.ts");
    await qanat("bundle", "create", other, "--id", KV, "--version", "2.0.0", "--executable", program).exited;
    answers.set(`/long/${id()}`, `${address}/${"x".repeat(3000)}`);
    answers.set(`/odd/${id()}`, "file:///etc/passwd");
    answers.set(`/gone/${id()}`, `${address}/nothing`);
    answers.set(`/signed/${id()}`, `${address}/expired?signature=secret`);
    answers.set(`/junk/${id()}`, `${address}/junk.orc`);
    answers.set("/junk.orc", "PK");
    answers.set(`/other/${id()}`, `${address}/other.orc`);
    answers.set("/other.orc", readFileSync(other));
    answers.set(`/good/${id()}`, `${address}/kv.orc`);
    answers.set("/kv.orc", readFileSync(archive));
    const registries = ["/none", "/long", "/odd", "/gone", "/signed", "/junk", "/other", "/good"];
    const { store, errors } = await fetched(1 << 20, ...registries);
    expect(store.list().map((bundle) => toHex(bundle.hash))).toEqual([id()]);
    expect(errors.slice(0, 7)).toEqual([
      expect.stringMatching(/\/none\/.* answers with status 404/),
      expect.stringMatching(/sends more than 2048 bytes/),
      expect.stringMatching(/expected an http or https address, got "file:/),
      expect.stringMatching(/nothing answers with status 404/),
      // What follows the path may be a secret.
      expect.stringMatching(/expired answers with status 404$/),
      expect.stringMatching(/bundle refused/),
      expect.stringMatching(/other\.orc is bundle [0-9a-f]{64}/),
    ]);
    const small = await fetched(1000, "/good");
    expect(small.store.list()).toEqual([]);
    expect(small.errors[0]).toMatch(/kv\.orc sends more than 1000 bytes/);
  });
});

test("a bundle that is here is not fetched again, whoever wants it", async () => {
  const store = new BundleStore(mkdtempSync(join(folder, "store-")));
  await store.install(archive);
  const missing = new Uint8Array(32).fill(1);
  const log = lineLog({ level: "none" });
  let ended: () => void = () => undefined;
  const over = new Promise<void>((done) => {
    ended = done;
  });
  const clock = { ...systemClock, setTimer: () => (ended(), { cancel: () => undefined }) };
  const registries = [registryUrl("--registry", `${address}/r`)];
  const downloads = new BundleDownloads({ registries, store, maxBytes: 1 << 20, clock, log, arrived: () => ended() });
  downloads.want(hash);
  downloads.want(missing);
  await over;
  await downloads.stop();
  expect(asked).toEqual([`/r/${toHex(missing)}`]);
});

describe("qanat net --registry", () => {
  test("fetches the version that a deployment names before it comes into force", async () => {
    answers.set(`/r/${toHex(hash)}`, `${address}/kv.orc`);
    answers.set("/kv.orc", readFileSync(archive));
    const data = join(folder, "net");
    const how = ["--quiet-load", "--no-receipts", "--block-interval", "50", "--runtime-host", "process"];
    const net = qanat("net", "--json", "--port", "0", "--data", data, ...how, "--registry", `${address}/r/`);
    const socket = String((await net.event("ready"))["grpc"]);
    const told = qanat(
      "runtime",
      "update",
      KV,
      "--test-entity",
      "--bundle",
      archive,
      "--valid-from",
      "+2",
      "--node",
      data,
    );
    expect((await told.exited).code).toBe(0);
    const channel = connectGrpc(socket);
    try {
      const control = createClient(nodeControllerMethods, channel);
      const active = async (): Promise<number | undefined> =>
        (await control.GetStatus()).runtimes.get(fromHex(KV))?.committee?.activeVersion?.major;
      while ((await active()) !== 1) {
        const seen = net.events.length;
        await net.event("block", (event) => net.events.indexOf(event) >= seen);
      }
    } finally {
      channel.close();
    }
    expect(new BundleStore(data).list().map((bundle) => toHex(bundle.hash))).toContain(toHex(hash));
  });

  test("refuses what is no address", async () => {
    const { code, stderr } = await qanat("net", "--registry", "somewhere").exited;
    expect([code, stderr]).toEqual([2, expect.stringContaining("--registry: expected an http or https address")]);
    const secret = await qanat("net", "--registry", "https://me:secret@127.0.0.1/").exited;
    expect([secret.code, secret.stderr]).toEqual([2, expect.stringContaining("no user name and no password")]);
    expect(secret.stderr).not.toContain("secret");
  });
});
