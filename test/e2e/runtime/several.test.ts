import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import { createClient } from "#common/rpc/index.js";
import { nodeControllerMethods } from "#node/rpc/control-methods.js";
import { connectGrpc } from "#platform/grpc-client.js";
import { ROUND_LATEST } from "#runtime/history/block-history.js";
import { clientErrors } from "#worker/client/errors.js";
import { runtimeClientMethods } from "#worker/client/rpc.js";
import { processes } from "../network/support/processes.ts";
import { bundleRuntime } from "./support/bundle.ts";
import { insertCall, keyArgs } from "./support/hosted.ts";

const A = `80${"00".repeat(30)}0a`;
const B = `80${"00".repeat(30)}0b`;
const VERSION = { major: 0, minor: 0, patch: 0 };
const folder = mkdtempSync(join(tmpdir(), "qanat-several-"));
const qanat = processes();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(...args: string[]): Promise<void> {
  expect(await qanat(...args).exited).toMatchObject({ code: 0, stderr: "" });
}

async function bundleOf(id: string): Promise<string> {
  const file = join(folder, `${id.slice(-2)}.orc`);
  const script = await bundleRuntime("examples/kv/process.ts");
  await run("bundle", "create", file, "--id", id, "--version", "0.0.0", "--executable", script);
  return file;
}

/** Inserts a value into a runtime's state and reads it back. */
async function use(socket: string, id: string, value: string): Promise<string> {
  const channel = connectGrpc(socket);
  try {
    const client = createClient(runtimeClientMethods, channel);
    const runtimeId = fromHex(id);
    await client.SubmitTx({ runtimeId, data: insertCall(`user of ${id}`, 0, "a key", value) });
    const query = { runtimeId, round: ROUND_LATEST, method: "get", args: keyArgs("a key"), component: undefined };
    return toHex((await client.Query(query)).data ?? new Uint8Array(0));
  } finally {
    channel.close();
  }
}

async function statusOf(socket: string) {
  const channel = connectGrpc(socket);
  try {
    return await createClient(nodeControllerMethods, channel).GetStatus();
  } finally {
    channel.close();
  }
}

describe("a network with several runtimes", () => {
  test("runs those that it was started with, each with a state of its own, and tells of both", async () => {
    const files = [await bundleOf(A), await bundleOf(B)] as const;
    const data = join(folder, "two");
    const options = ["--json", "--port", "0", "--runtime-host", "process", "--data", data];
    const net = qanat("net", ...options, "--runtime", files[0], "--runtime", files[1]);
    const ready = await net.event("ready");
    expect(ready).toMatchObject({ runtime_id: A, runtimes: [A, B] });
    const socket = String(ready["grpc"]);
    expect(await use(socket, A, "one")).toBe("636f6e65");
    expect(await use(socket, B, "two")).toBe("6374776f");
    const { runtimes, debug, p2p } = await statusOf(socket);
    expect(debug).toEqual({ enabled: true, allowRoot: false });
    expect(p2p?.topics?.size).toBeGreaterThan(0);
    for (const id of [A, B]) {
      expect(runtimes.get(fromHex(id))).toMatchObject({
        provisioner: "process",
        components: [{ kind: "ronl", version: VERSION }],
        committee: { status: 0, activeVersion: VERSION, executorRoles: null, host: { versions: [VERSION] } },
        indexer: { status: "indexing" },
      });
      expect(runtimes.get(fromHex(id))?.latestRound).toBeGreaterThan(0n);
    }
    net.kill("SIGTERM");
    expect((await net.exited).code).toBe(0);
    // The second runtime is still there when only the first is asked for: its bundle is.
    const again = qanat("net", ...options, "--runtime", files[0]);
    const socketAgain = String((await again.event("ready"))["grpc"]);
    expect((await statusOf(socketAgain)).runtimes.size).toBe(2);
  });

  test("hosts another one once its bundle is installed and it is registered", async () => {
    const file = await bundleOf(B);
    const data = join(folder, "later");
    const net = qanat(
      "net",
      "--json",
      "--port",
      "0",
      "--runtime-host",
      "process",
      "--data",
      data,
      "--quiet-load",
      "--block-interval",
      "50",
    );
    const socket = String((await net.event("ready"))["grpc"]);
    await run("bundle", "install", file, "--node", data);
    expect((await statusOf(socket)).runtimes.get(fromHex(B))).toMatchObject({
      descriptor: null,
      committee: { status: 2, activeVersion: null, host: { versions: [VERSION] } },
    });
    const added = qanat(
      "runtime",
      "register",
      "--bundle",
      file,
      "--node",
      data,
      "--test-entity",
      "--group-size",
      "2",
      "--backup-size",
      "1",
    );
    expect((await added.exited).code).toBe(0);
    const value = async (): Promise<string | undefined> => {
      try {
        return await use(socket, B, "two");
      } catch (error) {
        if (clientErrors.noHostedRuntime.is(error)) return undefined;
        throw error;
      }
    };
    let found = await value();
    while (found === undefined) {
      // One block later at the earliest it may be different.
      const seen = net.events.length;
      await net.event("block", (event) => net.events.indexOf(event) >= seen);
      found = await value();
    }
    expect(found).toBe("6374776f");
  });

  test("refuses two programs of one identifier", async () => {
    const script = await bundleRuntime("examples/kv/process.ts");
    const { code, stderr } = await qanat("net", "--runtime", script, "--runtime", script).exited;
    expect(code).toBe(2);
    expect(stderr).toMatch(/--runtime: .* and .* are both runtime 80{63}; qanat bundle create --id/);
  });
});
