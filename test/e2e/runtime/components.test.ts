import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { createClient } from "#common/rpc/index.js";
import { nullable, text } from "#common/schema/index.js";
import { SortedMap } from "#common/sorted-map.js";
import { digestOfFile, writeBundle } from "#platform/bundle-archive.js";
import { connectGrpc, type GrpcChannel } from "#platform/grpc-client.js";
import { Component, ROFL, RONL } from "#runtime/bundle/component.js";
import { Manifest } from "#runtime/bundle/manifest.js";
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

/** A bundle of the key-value runtime with a component beside it. */
async function bundle(): Promise<string> {
  const path = join(folder, "with-component.orc");
  const files = new Map([
    ["kv.mjs", await bundleRuntime("examples/kv/process.ts")],
    ["watcher.mjs", await bundleRuntime("test/e2e/runtime/support/watcher.ts")],
  ]);
  const digests = SortedMap.text<Uint8Array>();
  for (const [name, file] of files) digests.set(name, await digestOfFile(file));
  const version = { major: 0, minor: 3, patch: 0 };
  const components = [
    { ...Component.zero(), kind: RONL, elf: { executable: "kv.mjs" } },
    { ...Component.zero(), kind: ROFL, name: "watcher", version, elf: { executable: "watcher.mjs" } },
    { ...Component.zero(), kind: ROFL, name: "disabled", version, elf: { executable: "watcher.mjs" }, disabled: true },
  ];
  await writeBundle(path, { ...Manifest.zero(), name: "test", id: RUNTIME_ID, components, digests }, files);
  return path;
}

describe("qanat net with a bundle that brings off-chain logic", () => {
  for (const way of ["process", "sandbox"] as const) {
    test.skipIf(way === "sandbox" && !hasBubblewrap)(`runs it beside the runtime, in a ${way}`, async () => {
      net = new Qanat("net", "--json", "--port", "0", "--runtime-host", way, "--runtime", await bundle());
      channel = connectGrpc(String((await net.event("ready"))["grpc"]));
      const client = createClient(runtimeClientMethods, channel);
      const read = async (key: string): Promise<string | null> => {
        const query = { runtimeId: RUNTIME_ID, round: 0xffff_ffff_ffff_ffffn, method: "get", component: undefined };
        const { data } = await client.Query({ ...query, args: keyArgs(key) });
        return nullable(text({ max: 100 })).decode(data as Uint8Array);
      };
      // The components have to be asked first what they want to be told.
      for (let nonce = 0; (await read("heard")) === null; nonce++) {
        await client.SubmitTx({ runtimeId: RUNTIME_ID, data: insertCall("somebody", nonce, "hello", "world") });
      }
      expect(await read("heard")).toBe("kv_insertion.hello");
      net.kill("SIGINT");
      expect(await net.exited).toMatchObject({ code: 0 });
    });
  }
});
