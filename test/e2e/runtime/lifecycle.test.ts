import { execFile } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import { createClient } from "#common/rpc/index.js";
import { nullable, text } from "#common/schema/index.js";
import { systemEntropy } from "#platform/entropy.js";
import { connectGrpc } from "#platform/grpc-client.js";
import { generateSigner } from "#platform/signer-file.js";
import { ROUND_LATEST } from "#runtime/history/block-history.js";
import { clientErrors } from "#worker/client/errors.js";
import { runtimeClientMethods } from "#worker/client/rpc.js";
import { insertCall, keyArgs } from "../../unit/worker/support/local-network.ts";
import { Qanat } from "../network/support/qanat.ts";
import { hasBubblewrap } from "./support/bubblewrap.ts";
import { bundleRuntime } from "./support/bundle.ts";

const BIN = resolve("dist/qanat.mjs");
const KV = `80${"00".repeat(31)}`;
const OTHER = `80${"00".repeat(30)}07`;
const folder = mkdtempSync(join(tmpdir(), "qanat-lifecycle-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function qanat(...args: string[]): Promise<Outcome> {
  return new Promise((done) => {
    execFile(process.execPath, [BIN, ...args], (error, out, err) =>
      done({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

let data = "";
let net: Qanat;
let count = 0;
afterEach(() => net.dispose());

async function start(...options: string[]): Promise<string> {
  data = join(folder, `net-${count++}`);
  net = new Qanat("net", "--json", "--port", "0", "--data", data, ...options);
  const ready = await net.event("ready");
  return String(ready["grpc"]);
}

const runtime = (...args: string[]): Promise<Outcome> => qanat("runtime", ...args, "--node", data);

interface Shown {
  readonly id: string;
  readonly state: string;
  readonly epoch: number;
  readonly version: string | null;
  readonly descriptor: { readonly [field: string]: unknown };
}

async function show(id: string): Promise<Shown> {
  const { out, err } = await runtime("show", id, "--json");
  expect(err).toBe("");
  return JSON.parse(out);
}

describe("qanat runtime", () => {
  beforeEach(() => start("--quiet-load", "--no-receipts"));

  test("lists and shows the runtimes of a network", async () => {
    const { out } = await runtime("list", "--json");
    expect(JSON.parse(out)).toMatchObject({ id: KV, kind: "compute", state: "active", version: "0.0.0" });
    expect((await runtime("list")).out).toContain(`${KV}  compute  active  version 0.0.0`);
    const shown = await show(KV);
    expect(shown.descriptor["admission_policy"]).toEqual({ any_node: {} });
    expect((await runtime("show", KV)).out).toContain("deployment  0.0.0  in force");
    const nowhere = await runtime("show", OTHER);
    expect([nowhere.code, nowhere.err]).toEqual([1, expect.stringContaining("is not registered")]);
  });

  test("registers a runtime as its options say, and changes it", async () => {
    const { epoch } = await show(KV);
    const key = toHex(new Uint8Array(32).fill(7));
    const words =
      "--test-entity --deployment 1.2.3@+4 --group-size 2 --backup-size 1 --stragglers 1 --round-timeout 9 " +
      "--max-messages 5 --batch-flush-timeout 250 --constraint worker:max-nodes=1 " +
      "--constraint backup-worker:min-pool-size=3 --threshold node-compute=1000 " +
      "--slash runtime-incorrect-results=500:2 --reward-bad-results 10 --min-in-message-fee 12 --max-in-messages 8";
    const policy = ["--admit", `${key}:compute=2,observer=1`, "--admit-role", `compute=${key}:1`];
    const options = ["--id", OTHER, ...words.split(" "), ...policy];
    const dry = await runtime("register", ...options, "--dry-run");
    expect(dry.err).toBe("");
    const planned = JSON.parse(dry.out);
    expect((await runtime("show", OTHER)).code).toBe(1);
    const made = await runtime("register", ...options, "--json");
    expect(made.err).toBe("");
    const { descriptor, state, version } = JSON.parse(made.out);
    // An epoch that begins before it is asked for suspends it, since no node serves it.
    expect([state, version]).toEqual([expect.stringMatching(/^(active|suspended)$/), null]);
    expect(descriptor).toEqual({ ...planned, deployments: descriptor.deployments });
    expect(descriptor).toMatchObject({
      executor: { group_size: 2, group_backup_size: 1, allowed_stragglers: 1, round_timeout: 9, max_messages: 5 },
      txn_scheduler: { batch_flush_timeout: 250_000_000, max_in_messages: 8 },
      constraints: {
        executor: { worker: { max_nodes: { limit: 1 } }, "backup-worker": { min_pool_size: { limit: 3 } } },
      },
      staking: {
        thresholds: { "node-compute": "1000" },
        slashing: { "runtime-incorrect-results": { amount: "500", freeze_interval: 2 } },
        reward_bad_results: 10,
        min_in_message_fee: "12",
      },
    });
    expect(descriptor.deployments[0].valid_from).toBeGreaterThanOrEqual(epoch + 4);
    const again = await runtime("register", ...options);
    expect([again.code, again.err]).toEqual([2, expect.stringContaining("use runtime update")]);
    const changed = await runtime("update", OTHER, "--test-entity", "--admit-any", "--group-size", "4", "--json");
    expect(changed.err).toBe("");
    expect(JSON.parse(changed.out).descriptor).toEqual({
      ...descriptor,
      admission_policy: { any_node: {} },
      executor: { ...descriptor.executor, group_size: 4 },
    });
  });

  test("registers from a file, and says what is wrong with it", async () => {
    const { descriptor } = await show(KV);
    const file = join(folder, "descriptor.json");
    const write = (changes: object): void => writeFileSync(file, JSON.stringify({ ...descriptor, ...changes }));
    write({ id: OTHER, deployments: [{ version: { major: 2 }, valid_from: 1000 }] });
    const { err, out } = await runtime("register", file, "--test-entity", "--json");
    expect(err).toBe("");
    expect(JSON.parse(out).descriptor.deployments[0].valid_from).toBe(1000);
    const bare = { id: `80${"00".repeat(30)}08`, v: undefined, entity_id: undefined };
    write({ ...bare, deployments: [{ version: { major: 2 }, valid_from: 1000 }] });
    const completed = await runtime("register", file, "--test-entity", "--json");
    expect(JSON.parse(completed.out).descriptor).toMatchObject({ v: 3, entity_id: descriptor["entity_id"] });
    write({ executor: { group_size: "many" } });
    const broken = await runtime("register", file, "--test-entity");
    expect([broken.code, broken.err]).toEqual([1, expect.stringContaining("group_size")]);
    expect((await runtime("register", join(folder, "nothing"), "--test-entity")).err).toContain("does not exist");
  });

  test("tells why the network refuses, in one line", async () => {
    const strangers = join(folder, "strangers");
    mkdirSync(strangers, { recursive: true });
    if (!existsSync(join(strangers, "entity.pem"))) generateSigner(strangers, "entity", systemEntropy);
    for (const [args, reason] of [
      [["update", KV, "--entity", strangers, "--group-size", "1"], "(registry/12): the descriptor belongs to another"],
      [["update", KV, "--test-entity", "--genesis-round", "7"], "trying to update genesis"],
      [["update", KV, "--test-entity", "--deployment", "0.0.0@+9"], "(registry/18)"],
      [["register", "--id", OTHER, "--test-entity", "--deployment", "1.0.0@0"], "deploy immediately"],
      [["register", "--id", OTHER, "--test-entity"], "no deployment information"],
      [["register", "--id", OTHER, "--test-entity", "--deployment", "1.0.0", "--group-size", "0"], "(registry/1)"],
      [
        ["register", "--id", OTHER, "--test-entity", "--deployment", "1@+3", "--governance", "consensus"],
        "(registry/16)",
      ],
    ] as const) {
      const { code, err } = await runtime(...args);
      expect([args.join(" "), code, err.trim().split("\n").length], err).toEqual([args.join(" "), 1, 1]);
      expect(err).toContain(reason);
    }
    chmodSync(join(strangers, "entity.pem"), 0o644);
    const open = await runtime("update", KV, "--entity", strangers, "--group-size", "1");
    expect([open.code, open.err]).toEqual([1, expect.stringContaining("has mode 644, must be exactly 600")]);
    chmodSync(join(strangers, "entity.pem"), 0o600);
  });

  test("names options that are wrong", async () => {
    for (const [args, reason] of [
      [["register", "--id", "12", "--test-entity", "--deployment", "1.0.0"], "--id: expected 64"],
      [["register", "--id", OTHER, "--deployment", "1.0.0"], "--entity: give either"],
      [["register", "--test-entity", "--deployment", "1.0.0"], "--id: which runtime"],
      [["register", "--id", OTHER, "--test-entity", "--deployment", "x@1"], "--deployment"],
      [["register", "--id", OTHER, "--test-entity", "--deployment", "1.0.0@soon"], "--deployment: expected an epoch"],
      [["update", KV, "--test-entity", "--admit", "nobody"], "--admit"],
      [["update", KV, "--test-entity", "--admit-any", "--admit", OTHER], "--admit-any"],
      [["update", KV, "--test-entity", "--constraint", "worker:tall"], "unknown constraint"],
      [["update", KV, "--test-entity", "--slash", "rudeness=1"], "--slash"],
      [["update", KV, "--test-entity", "--drop-deployment", "7.0.0"], "is not deployed"],
    ] as const) {
      const { code, err } = await runtime(...args);
      expect([args.join(" "), code]).toEqual([args.join(" "), 2]);
      expect(err).toContain(reason);
    }
    const nobody = await qanat("runtime", "list", "--node", join(folder, "nowhere"));
    expect([nobody.code, nobody.err]).toEqual([2, expect.stringContaining("--node")]);
  });
});

describe("qanat runtime on a network with storage committees", () => {
  test("says what they mean for programs that were built for v26.1", async () => {
    await start("--quiet-load");
    const base = ["register", "--id", OTHER, "--test-entity", "--deployment", "1.0.0@+4", "--dry-run"];
    const plain = await runtime(...base);
    expect(plain.err).toContain("does not ask for one");
    expect(plain.err).toContain("Unmodified Rust runtimes of v26.1 refuse");
    expect(JSON.parse(plain.out).storage).not.toHaveProperty("committee");
    const opted = await runtime(...base, "--storage-committee", "3:2@+5");
    expect(opted.err).toContain("unmodified Rust runtimes of v26.1 refuse its descriptor");
    expect(JSON.parse(opted.out).storage.committee).toMatchObject({ group_size: 3, min_write_replication: 2 });
    // A change of something else keeps the committee.
    const changed = await runtime("update", KV, "--test-entity", "--max-messages", "31", "--json");
    expect(changed.code).toBe(0);
    expect(JSON.parse(changed.out).descriptor.storage.committee).toMatchObject({ min_write_replication: 2 });
  });
});

describe("an upgrade by command line", () => {
  test("a bundle that is added while the network runs takes over at its epoch; state and rounds go on", async () => {
    // The network's first program runs in process; what comes in bundles runs in the sandbox, where there is one.
    const socket = await start("--no-receipts", ...(hasBubblewrap ? [] : ["--runtime-host", "process"]));
    const channel = connectGrpc(socket);
    try {
      const client = createClient(runtimeClientMethods, channel);
      const runtimeId = fromHex(KV);
      const value = async (key: string): Promise<string | null> => {
        const query = { runtimeId, component: undefined, round: ROUND_LATEST, method: "get", args: keyArgs(key) };
        const found = await client.Query(query).then(
          ({ data: result }) => result,
          (error: unknown) => {
            // On a busy machine the new version may come into force before its process runs.
            if (clientErrors.noHostedRuntime.is(error)) return undefined;
            throw error;
          },
        );
        return found === undefined ? null : nullable(text({ max: 1024 })).decode(found ?? new Uint8Array(0));
      };
      await client.SubmitTx({ runtimeId, data: insertCall("upgrader", 0n, "before", "kept") });
      expect(await value("made by")).toBe(null);
      const program = await bundleRuntime("test/e2e/runtime/support/kv-next.ts");
      const bundle = join(folder, "kv-1.0.0.orc");
      const made = await qanat("bundle", "create", bundle, "--id", KV, "--version", "1.0.0", "--executable", program);
      expect(made.err).toBe("");
      const added = await qanat("bundle", "install", bundle, "--node", data);
      expect([added.err, added.out]).toEqual(["", expect.stringMatching(/installed: [0-9a-f]{64}/)]);
      const missing = await qanat("bundle", "install", join(folder, "nothing.orc"), "--node", data);
      expect([missing.code, missing.err]).toEqual([1, expect.stringContaining("does not exist")]);
      const updated = await runtime("update", KV, "--test-entity", "--bundle", bundle, "--valid-from", "+4", "--json");
      expect(updated.err).toBe("");
      expect(JSON.parse(updated.out)).toMatchObject({ state: "active", version: "0.0.0" });
      while ((await value("made by")) !== "1.0.0") await new Promise((done) => setTimeout(done, 200));
      expect(await show(KV)).toMatchObject({ state: "active", version: "1.0.0" });
      await client.SubmitTx({ runtimeId, data: insertCall("upgrader", 1n, "after", "new") });
      expect([await value("before"), await value("after")]).toEqual(["kept", "new"]);
      const dropped = await runtime("update", KV, "--test-entity", "--drop-deployment", "0.0.0", "--json");
      expect(dropped.err).toBe("");
      expect(JSON.parse(dropped.out).descriptor.deployments).toHaveLength(1);
      const { round } = await net.event("round", ({ transactions }) => Number(transactions) > 0);
      expect(Number(round)).toBeGreaterThan(0);
    } finally {
      channel.close();
    }
  });
});
