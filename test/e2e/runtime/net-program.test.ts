import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import { createClient } from "#common/rpc/index.js";
import { registryMethods } from "#consensus/services/registry/rpc.js";
import { connectGrpc } from "#platform/grpc-client.js";
import { readBundle } from "#platform/bundle-archive.js";
import { runtimeClientMethods } from "#worker/client/rpc.js";
import { processes } from "../network/support/processes.ts";
import type { Qanat } from "../network/support/qanat.ts";
import { hasBubblewrap } from "./support/bubblewrap.ts";
import { bundleRuntime } from "./support/bundle.ts";
import { insertCall, keyArgs } from "./support/hosted.ts";

const folder = mkdtempSync(join(tmpdir(), "qanat-program-test-"));
const qanat = processes();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Submits two transactions to a network and asks for what they did. */
async function use(net: Qanat, id: Uint8Array): Promise<void> {
  const ready = await net.event("ready");
  expect(ready["runtime_id"]).toBe(toHex(id));
  const channel = connectGrpc(String(ready["grpc"]));
  try {
    const client = createClient(runtimeClientMethods, channel);
    for (const [nonce, value] of ["one", "two"].entries()) {
      await client.SubmitTx({ runtimeId: id, data: insertCall("somebody", nonce, "a key", value) });
    }
    const round = 0xffff_ffff_ffff_ffffn;
    const args = keyArgs("a key");
    const { data } = await client.Query({ runtimeId: id, round, method: "get", args, component: undefined });
    expect(toHex(data ?? new Uint8Array(0))).toBe("6374776f");
  } finally {
    channel.close();
  }
}

async function failure(...args: string[]): Promise<{ code: number | null; stderr: string }> {
  const { code, stderr } = await qanat("net", "--json", "--port", "0", ...args).exited;
  return { code, stderr };
}

describe("qanat net --runtime", () => {
  test.skipIf(!hasBubblewrap)("runs a program from a file, in a sandbox", async () => {
    const script = await bundleRuntime("examples/kv/process.ts");
    const net = qanat("net", "--json", "--port", "0", "--runtime", script);
    await use(net, fromHex(`80${"00".repeat(31)}`));
    net.kill("SIGINT");
    const { code, stderr } = await net.exited;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    // Nothing but what was submitted is in the rounds.
    expect(net.events.at(-1)).toMatchObject({ event: "summary", rounds: 2, transactions: 2 });
  });

  test("runs a bundle under the identifier that it brings, and registers its hash", async () => {
    const id = fromHex(`80${"00".repeat(7)}${"ab".repeat(24)}`);
    const file = join(folder, "kv.orc");
    const script = await bundleRuntime("examples/kv/process.ts");
    const made = qanat("bundle", "create", file, "--id", toHex(id), "--version", "0.0.0", "--executable", script);
    expect(await made.exited).toMatchObject({ code: 0, stderr: "" });
    const data = join(folder, "data");
    const args = ["net", "--json", "--port", "0", "--data", data, "--runtime-host", "process", "--runtime", file];
    const net = qanat(...args);
    await use(net, id);
    const channel = connectGrpc(join(data, "internal.sock"));
    const { deployments } = await createClient(registryMethods, channel).GetRuntime({
      height: 0n,
      id,
      includeSuspended: false,
    });
    channel.close();
    const { hash } = await readBundle(file);
    expect(deployments.map((deployment) => toHex(deployment?.bundleChecksum ?? new Uint8Array(0)))).toEqual([
      toHex(hash),
    ]);
    net.kill("SIGINT");
    expect(await net.exited).toMatchObject({ code: 0, stderr: "" });
    // The folder is that runtime's: no other runs on its chain.
    expect(await failure("--data", data)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(new RegExp(`was not made for runtime 80.*; it has ${toHex(id)}`)) as string,
    });
  });

  test("refuses what it cannot run", async () => {
    const garbage = join(folder, "garbage.orc");
    writeFileSync(garbage, "PK");
    const said = (words: string) => ({ code: 2, stderr: expect.stringContaining(words) as string });
    expect(await failure("--runtime", join(folder, "nowhere"))).toMatchObject(said("does not exist"));
    expect(await failure("--runtime", folder)).toMatchObject(said("is not a file"));
    expect(await failure("--runtime", garbage)).toMatchObject({ ...said("bundle refused"), code: 1 });
    expect(await failure("--runtime", import.meta.filename, "--runtime-host", "in-process")).toMatchObject(
      said("runs in a process of its own"),
    );
  });
});
