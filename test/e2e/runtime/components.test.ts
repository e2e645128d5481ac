import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { toHex } from "#common/bytes.js";
import { type Client, createClient } from "#common/rpc/index.js";
import { nullable, text } from "#common/schema/index.js";
import { SortedMap } from "#common/sorted-map.js";
import { digestOfFile, writeBundle } from "#platform/bundle-archive.js";
import { connectGrpc, type GrpcChannel } from "#platform/grpc-client.js";
import { Component, ROFL, RONL } from "#runtime/bundle/component.js";
import { Manifest, manifestHash } from "#runtime/bundle/manifest.js";
import { runtimeClientMethods } from "#worker/client/rpc.js";
import { RUNTIME_ID } from "../../unit/runtime/support/node.ts";
import { Qanat } from "../network/support/qanat.ts";
import { hasBubblewrap } from "./support/bubblewrap.ts";
import { bundleRuntime } from "./support/bundle.ts";
import { insertCall, keyArgs } from "./support/hosted.ts";

const folder = mkdtempSync(join(tmpdir(), "qanat-components-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let net: Qanat | undefined;
let channel: GrpcChannel | undefined;
afterEach(async () => {
  channel?.close();
  await net?.dispose();
});

const version = { major: 0, minor: 3, patch: 0 };
const RUNTIME = { file: "kv.mjs", source: "examples/kv/process.ts" };
const WATCHER = { file: "watcher.mjs", source: "test/e2e/runtime/support/watcher.ts" };
const MANAGER = { file: "manager.mjs", source: "test/e2e/runtime/support/manager.ts" };

/** Makes a bundle. @returns where it lies, and its manifest's hash */
async function bundle(
  name: string,
  programs: readonly { file: string; source: string }[],
  components: Component[],
): Promise<{ path: string; hash: string }> {
  const path = join(folder, `${name}.orc`);
  const files = new Map<string, string>();
  for (const { file, source } of programs) files.set(file, await bundleRuntime(source));
  const digests = SortedMap.text<Uint8Array>();
  for (const [file, from] of files) digests.set(file, await digestOfFile(from));
  const manifest = { ...Manifest.zero(), name, id: RUNTIME_ID, components, digests };
  await writeBundle(path, manifest, files);
  return { path, hash: toHex(manifestHash(manifest)) };
}

const onChain: Component = { ...Component.zero(), kind: RONL, elf: { executable: RUNTIME.file } };
const rofl = (name: string, executable: string, disabled = false): Component => {
  return { ...Component.zero(), kind: ROFL, name, version, elf: { executable }, disabled };
};

/** What a client of the running network reads and writes. */
class Session {
  private nonce = 0;

  private constructor(private readonly client: Client<(typeof runtimeClientMethods)["methods"]>) {}

  static async open(network: Qanat): Promise<Session> {
    channel = connectGrpc(String((await network.event("ready"))["grpc"]));
    return new Session(createClient(runtimeClientMethods, channel));
  }

  async read(key: string): Promise<string | null> {
    const query = { runtimeId: RUNTIME_ID, round: 0xffff_ffff_ffff_ffffn, method: "get", component: undefined };
    const { data } = await this.client.Query({ ...query, args: keyArgs(key) });
    return nullable(text({ max: 128 })).decode(data as Uint8Array);
  }

  /** Inserts again and again until there is a value under another key: components have to be asked first. */
  async insertUntil(key: string, value: string, other: string): Promise<string> {
    for (;;) {
      const found = await this.read(other);
      if (found !== null) return found;
      await this.client.SubmitTx({ runtimeId: RUNTIME_ID, data: insertCall("somebody", this.nonce++, key, value) });
    }
  }
}

describe("qanat net with a bundle that brings off-chain logic", () => {
  for (const way of ["process", "sandbox"] as const) {
    test.skipIf(way === "sandbox" && !hasBubblewrap)(`runs it beside the runtime, in a ${way}`, async () => {
      const components = [onChain, rofl("watcher", WATCHER.file), rofl("disabled", WATCHER.file, true)];
      const { path } = await bundle("with-component", [RUNTIME, WATCHER], components);
      net = new Qanat("net", "--json", "--port", "0", "--runtime-host", way, "--runtime", path);
      const session = await Session.open(net);
      expect(await session.insertUntil("hello", "world", "heard")).toBe("kv_insertion.hello");
      net.kill("SIGINT");
      expect(await net.exited).toMatchObject({ code: 0 });
    });
  }

  test("lets it bring more of it, where it is permitted, and runs that too", async () => {
    const added = await bundle("added", [WATCHER], [rofl("watcher", WATCHER.file)]);
    const first = await bundle("with-manager", [RUNTIME, MANAGER], [onChain, rofl("manager", MANAGER.file)]);
    const how = ["--runtime-host", "process", "--permit", "manager=bundle_add,volume_add", "--runtime", first.path];
    net = new Qanat("net", "--json", "--port", "0", ...how);
    const session = await Session.open(net);
    expect(await session.insertUntil("install", `${added.path} ${added.hash}`, "managed")).toBe("1");
    expect(await session.insertUntil("hello", "world", "heard")).toBe("kv_insertion.hello");
    net.kill("SIGINT");
    expect(await net.exited).toMatchObject({ code: 0 });
  });
});
