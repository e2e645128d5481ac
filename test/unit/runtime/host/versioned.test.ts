import { keyValue } from "@qanat/example-kv";
import { describe, expect, test } from "vitest";
import { MemoryDisk } from "#common/memory-disk.js";
import { text } from "#common/schema/index.js";
import { type Version, versionToText } from "#common/version.js";
import type { VersionInfo } from "#consensus/services/registry/types/runtime.js";
import { InProcessHost } from "#runtime/host/in-process.js";
import { DiskLocalStorage } from "#runtime/host/local-storage.js";
import { VersionedHost } from "#runtime/host/versioned.js";
import { defineRuntime, method, noArguments } from "#runtime/kit/index.js";
import { RUNTIME_ID, TestNode } from "../support/node.ts";
import { KeptLog, ManualClock, settle } from "../support/world.ts";

const name = text({ max: 16 });

function program(version: Version) {
  const which = method({ args: noArguments, result: name, execute: () => versionToText(version) });
  return defineRuntime({ ...keyValue, version, queries: { which } });
}

function deployment(major: number, bundleChecksum = new Uint8Array(0), validFrom = 0n): VersionInfo {
  return { version: { major, minor: 0, patch: 0 }, validFrom, tee: null, bundleChecksum };
}

/** A host of versions, of which a node has some. */
function hosted(missing: readonly number[] = []) {
  const node = new TestNode();
  const site = {
    runtimeId: RUNTIME_ID,
    chainContext: "00",
    environment: { nodeId: new Uint8Array(32), localStorage: new DiskLocalStorage(new MemoryDisk(), RUNTIME_ID) },
    port: node,
    clock: new ManualClock(),
    log: new KeptLog(),
  };
  const made: string[] = [];
  const absent = new Set(missing);
  let changes = 0;
  const host = new VersionedHost(
    {
      runtimeId: RUNTIME_ID,
      log: site.log,
      provision({ version }) {
        if (absent.has(version.major)) return undefined;
        made.push(versionToText(version));
        return new InProcessHost({ ...site, program: program(version) });
      },
    },
    () => changes++,
  );
  const events: string[] = [];
  const subscription = host.watch();
  void (async () => {
    for await (const event of subscription) events.push(event.type);
  })();
  const ask = async (): Promise<string> => {
    const query = node.querying("which", noArguments.encode(null));
    return name.decode((await host.call("RuntimeQueryRequest", query, 1000)).data);
  };
  const versions = (): string[] => host.versions.map(versionToText);
  return { host, made, absent, events, ask, versions, changes: () => changes };
}

describe("versions of a runtime on one node", () => {
  test("the one in force answers; the next is ready before its time, then takes over, and the old one goes", async () => {
    const { host, ask, versions, events } = hosted();
    host.host({ active: deployment(1), next: undefined });
    await host.start();
    expect([await ask(), versions()]).toEqual(["1.0.0", ["1.0.0"]]);
    host.host({ active: deployment(1), next: deployment(2) });
    await settle();
    expect([await ask(), versions()]).toEqual(["1.0.0", ["1.0.0", "2.0.0"]]);
    host.host({ active: deployment(2), next: undefined });
    expect(host.info?.runtimeVersion.major).toBe(2);
    expect([await ask(), versions()]).toEqual(["2.0.0", ["2.0.0"]]);
    expect(events).toEqual(["started", "stopped", "started"]);
    await host.stop();
  });

  test("what the old one was asked it still answers", async () => {
    const { host, ask } = hosted();
    host.host({ active: deployment(1), next: deployment(2) });
    await host.start();
    await settle();
    const before = ask();
    host.host({ active: deployment(2), next: undefined });
    expect([await before, await ask()]).toEqual(["1.0.0", "2.0.0"]);
    await host.stop();
  });

  test("a version that the node does not have is looked for again, and meanwhile nothing answers", async () => {
    const { host, ask, absent, versions } = hosted([2]);
    host.host({ active: deployment(1), next: deployment(2) });
    await host.start();
    host.host({ active: deployment(2), next: undefined });
    expect([host.info, versions()]).toEqual([undefined, []]);
    await expect(ask()).rejects.toThrow("no version of the runtime is hosted");
    absent.clear();
    host.host({ active: deployment(2), next: undefined });
    await settle();
    expect([await ask(), versions()]).toEqual(["2.0.0", ["2.0.0"]]);
    await host.stop();
  });

  test("is started once, whatever else changes about its deployment; another bundle is another program", async () => {
    const { host, made, ask } = hosted();
    const bundle = new Uint8Array(32).fill(1);
    host.host({ active: deployment(1), next: deployment(2, new Uint8Array(0), 5n) });
    await host.start();
    host.host({ active: deployment(1), next: deployment(2, new Uint8Array(0), 7n) });
    expect(made).toEqual(["1.0.0", "2.0.0"]);
    host.host({ active: deployment(1), next: deployment(2, bundle, 7n) });
    expect(made).toEqual(["1.0.0", "2.0.0", "2.0.0"]);
    await settle();
    expect(await ask()).toBe("1.0.0");
    await host.stop();
  });

  test("tells when what it can serve changes, also by the end of a version", async () => {
    const { host, changes } = hosted();
    host.host({ active: deployment(1), next: undefined });
    await host.start();
    expect(changes()).toBe(1);
    host.host({ active: deployment(1), next: deployment(2) });
    await settle();
    expect(changes()).toBe(2);
    host.host({ active: deployment(2), next: undefined });
    expect(changes()).toBe(3);
    await host.stop();
    host.host({ active: deployment(1), next: undefined });
    expect(host.info).toBeUndefined();
  });

  test("a runtime without any deployment starts and stops", async () => {
    const { host } = hosted();
    await host.start();
    expect(host.info).toBeUndefined();
    await host.abort();
    await host.stop();
  });
});
