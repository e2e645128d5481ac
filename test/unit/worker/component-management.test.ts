import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { toHex, utf8 } from "#common/bytes.js";
import { MemorySigner, verify } from "#common/crypto/signature.js";
import { tupleHash256 } from "#common/crypto/tuple-hash.js";
import { LABEL_ATTESTATION_CONTEXT, LabelAttestation } from "#common/tee/label-attestation.js";
import { SortedMap } from "#common/sorted-map.js";
import { digestOfFile, writeBundle } from "#platform/bundle-archive.js";
import { parsePermissions } from "#platform/managed/member-components.js";
import { LogStore } from "#platform/managed/component-log.js";
import { ManagedBundleStore } from "#platform/managed/managed-bundles.js";
import { VolumeStore } from "#platform/managed/volume-store.js";
import { Component, ROFL, RONL } from "#runtime/bundle/component.js";
import { Manifest, manifestHash } from "#runtime/bundle/manifest.js";
import { type Labels, LocalQuery, type ManagerMethod, managers } from "#runtime/component/api.js";
import type { EnclaveCalls } from "#runtime/host/host-handler.js";
import { HostRpcCallRequest, RPC_KIND } from "#runtime/rhp/messages/index.js";
import { type ComponentManagement, ManagementCalls, PERMISSIONS } from "#worker/component/management.js";
import { KeptLog } from "../runtime/support/world.ts";
import { RUNTIME_ID } from "../runtime/support/node.ts";

const folder = mkdtempSync(join(tmpdir(), "qanat-managed-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const NODE = MemorySigner.fromTestName("component management");
const NONE: Labels = SortedMap.text<string>();
const labelled = (pairs: Record<string, string>): Labels => {
  const labels = SortedMap.text<string>();
  for (const [name, value] of Object.entries(pairs)) labels.set(name, value);
  return labels;
};

const elsewhere: EnclaveCalls = {
  call: () => Promise.resolve({ response: utf8("elsewhere"), node: NODE.publicKey }),
  feedback: () => undefined,
};

/** A component and the managers of its node. */
class Manager {
  readonly calls: ManagementCalls;

  constructor(name: string, management: Partial<ComponentManagement>) {
    const full = { permissions: PERMISSIONS, labels: NONE, ...management };
    this.calls = new ManagementCalls({
      runtimeId: RUNTIME_ID,
      name,
      management: full,
      signer: NODE,
      others: elsewhere,
    });
  }

  async ask<A, R>({ endpoint, name, args: form, answer }: ManagerMethod<A, R>, args: A): Promise<R> {
    const request = LocalQuery.encode({ method: name, args: form.encode(args) });
    const call = { ...HostRpcCallRequest.zero(), endpoint, request, kind: RPC_KIND.localQuery };
    return answer.decode((await this.calls.call(call)).response, "rpc");
  }
}

/** A bundle with one component. @returns its bytes and its name */
async function bundle(component: Partial<Component>): Promise<{ bytes: Uint8Array; hash: Uint8Array }> {
  const path = join(folder, "made.orc");
  const file = join(import.meta.dirname, "component-management.test.ts");
  const digests = SortedMap.text<Uint8Array>().set("program.mjs", await digestOfFile(file));
  const components = [
    { ...Component.zero(), kind: ROFL, name: "watcher", elf: { executable: "program.mjs" }, ...component },
  ];
  const manifest = { ...Manifest.zero(), name: "watchers", id: RUNTIME_ID, components, digests };
  await writeBundle(path, manifest, new Map([["program.mjs", file]]));
  return { bytes: new Uint8Array(readFileSync(path)), hash: manifestHash(manifest) };
}

describe("volumes", () => {
  const volumes = new VolumeStore(join(folder, "volumes"));
  const [mine, theirs] = ["alpha", "beta"].map((name) => new Manager(name, { volumes })) as [Manager, Manager];

  test("are made, found by all labels that are asked for, and removed, by whoever has made them", async () => {
    const { id } = await mine.ask(managers.volumeAdd, { labels: labelled({ use: "data", owner: "x" }) });
    const { id: other } = await mine.ask(managers.volumeAdd, { labels: labelled({ use: "data" }) });
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    const found = async (manager: Manager, labels: Labels): Promise<string[]> =>
      (await manager.ask(managers.volumeList, { labels })).volumes.map((volume) => volume.id);
    expect(new Set(await found(mine, labelled({ use: "data" })))).toEqual(new Set([id, other]));
    expect(await found(mine, labelled({ use: "data", owner: "x" }))).toEqual([id]);
    expect(await found(theirs, NONE)).toEqual([]);
    // Nobody can claim to be somebody else.
    expect(await found(theirs, labelled({ "net.oasis.origin": `${toHex(RUNTIME_ID)}-rofl.alpha` }))).toEqual([]);
    await theirs.ask(managers.volumeRemove, { labels: NONE });
    await mine.ask(managers.volumeRemove, { labels: labelled({ owner: "x" }) });
    expect(await found(mine, NONE)).toEqual([other]);
    const again = new Manager("alpha", { volumes: new VolumeStore(join(folder, "volumes")) });
    expect(await found(again, NONE)).toEqual([other]);
  });
});

describe("bundles", () => {
  function node(): { manager: Manager; other: Manager; running: Set<string>; logs: LogStore } {
    const running = new Set<string>();
    const base = mkdtempSync(join(folder, "node-"));
    const logs = new LogStore(join(base, "logs"));
    const store = new ManagedBundleStore({
      folder: base,
      runtimeId: RUNTIME_ID,
      offer: ({ name }) => ({ name, provision: () => expect.unreachable("not run here") }),
      removed: (id) => logs.remove(id),
    });
    store.fleet = { add: ({ name }) => void running.add(name), remove: async (name) => void running.delete(name) };
    const volumes = new VolumeStore(join(base, "volumes"));
    const [manager, other] = ["alpha", "beta"].map((name) => new Manager(name, { bundles: store, volumes, logs }));
    return { manager: manager as Manager, other: other as Manager, running, logs };
  }

  async function write(manager: Manager, bytes: Uint8Array): Promise<void> {
    const half = bytes.length >> 1;
    await manager.ask(managers.bundleWrite, { temporaryName: "new", create: true, data: bytes.slice(0, half) });
    await manager.ask(managers.bundleWrite, { temporaryName: "new", create: false, data: bytes.slice(half) });
  }

  test("are written in pieces, added under names of their own, listed, looked into and removed", async () => {
    const { manager, other, running, logs } = node();
    const { bytes, hash } = await bundle({});
    await write(manager, bytes);
    const labels = labelled({ "net.oasis.instance_id": "one", purpose: "watch" });
    const added = { temporaryName: "new", manifestHash: hash, labels, volumes: NONE };
    await manager.ask(managers.bundleAdd, added);
    const origin = `${toHex(RUNTIME_ID)}-rofl.alpha`;
    const name = toHex(tupleHash256("oasis-core/bundle: dynamic component ID", [origin, "one", "watcher"].map(utf8)));
    expect([...running]).toEqual([name]);
    const [found] = (await manager.ask(managers.bundleList, { labels: labelled({ purpose: "watch" }) })).bundles;
    expect(found?.manifestHash).toEqual(hash);
    expect(found?.components).toEqual([{ name }]);
    expect(found?.labels.get("net.oasis.origin")).toBe(origin);
    expect((await other.ask(managers.bundleList, { labels: NONE })).bundles).toEqual([]);

    const kept = logs.keep(`rofl.${name}`, new KeptLog());
    kept.info("it says this", { n: 1n });
    kept.child("part").warn("and that");
    const query = { labels: NONE, componentId: `rofl.${name}`, since: 0n };
    const lines = (await manager.ask(managers.logGet, query)).logs.map((line) => JSON.parse(line) as { msg: string });
    expect(lines.map(({ msg }) => msg)).toEqual(["it says this", "and that"]);
    expect((await manager.ask(managers.logGet, { ...query, since: 1n << 40n })).logs).toEqual([]);
    await expect(other.ask(managers.logGet, query)).rejects.toThrow("component not found");
    await expect(manager.ask(managers.logGet, { ...query, componentId: "ronl" })).rejects.toThrow("not allowed");

    await other.ask(managers.bundleRemove, { labels: NONE });
    expect(running.size).toBe(1);
    await manager.ask(managers.bundleRemove, { labels: NONE });
    expect(running.size).toBe(0);
    expect((await manager.ask(managers.bundleList, { labels: NONE })).bundles).toEqual([]);
  });

  test("that are not what they should be are not added", async () => {
    const { manager, running } = node();
    const good = await bundle({});
    const add = (hash: Uint8Array, more = {}) =>
      manager.ask(managers.bundleAdd, {
        temporaryName: "new",
        manifestHash: hash,
        labels: NONE,
        volumes: NONE,
        ...more,
      });
    await expect(add(good.hash)).rejects.toThrow("nothing was written");
    await write(manager, good.bytes.slice(0, -30));
    await expect(add(good.hash)).rejects.toThrow(/./);
    await write(manager, good.bytes);
    await expect(add(new Uint8Array(32))).rejects.toThrow("manifest hash is");
    const unknownVolume = { volumes: labelled({ data: "00".repeat(32) }) };
    await expect(add(good.hash, unknownVolume)).rejects.toThrow(/volume '0+' not found/);
    const cases: readonly (readonly [string, Partial<Component>])[] = [
      ["non-ROFL", { kind: RONL, name: "" }],
      ["disabled", { disabled: true }],
      ["legacy", { elf: undefined, executable: "program.mjs" }],
    ];
    for (const [reason, component] of cases) {
      const { bytes, hash } = await bundle(component);
      await write(manager, bytes);
      await expect(add(hash)).rejects.toThrow(reason);
    }
    const outside = { temporaryName: "../outside", create: true, data: utf8("x") };
    await expect(manager.ask(managers.bundleWrite, outside)).rejects.toThrow("not the name of a file");
    expect(running.size).toBe(0);
    expect((await manager.ask(managers.bundleList, { labels: NONE })).bundles).toEqual([]);
  });
});

describe("what a component may not do", () => {
  test("it is forbidden without a permission, each by its own", async () => {
    const volumes = new VolumeStore(join(folder, "forbidden"));
    const may = parsePermissions(["alpha=volume_add", "beta=bundle_add,log_view"]);
    const manager = new Manager("alpha", { volumes, permissions: may.get("alpha") ?? [] });
    await manager.ask(managers.volumeAdd, { labels: NONE });
    await expect(manager.ask(managers.volumeRemove, { labels: NONE })).rejects.toThrow("forbidden");
    await expect(manager.ask(managers.bundleList, { labels: NONE })).rejects.toThrow("forbidden");
    for (const word of ["alpha", "alpha=everything", "=volume_add", "a=b=c"]) {
      expect(() => parsePermissions([word])).toThrow("--permit");
    }
  });

  test("methods and endpoints that are not there are told so; others are somebody else's", async () => {
    const { calls } = new Manager("alpha", {});
    const call = { ...HostRpcCallRequest.zero(), endpoint: "volume-manager", kind: RPC_KIND.localQuery };
    const query = (method: string): Uint8Array => LocalQuery.encode({ method, args: Uint8Array.of(0xf6) });
    await expect(calls.call({ ...call, request: query("BundleList") })).rejects.toThrow("method not supported");
    await expect(calls.call({ ...call, request: utf8("?") })).rejects.toThrow("malformed request");
    await expect(calls.call({ ...call, kind: RPC_KIND.noiseSession })).rejects.toThrow("endpoint not supported");
    expect((await calls.call({ ...call, endpoint: "key-manager" })).response).toEqual(utf8("elsewhere"));
  });
});

describe("attestations of labels", () => {
  test("are signed by the node for the key of an enclave; labels that are not there count as empty", async () => {
    const rak = new Uint8Array(32).fill(0x42);
    const labels = labelled({ foo: "bar", other: "x" });
    const manager = new Manager("alpha", { labels, rak: () => rak });
    const { attestation, nodeId, signature } = await manager.ask(managers.attestLabels, { labels: ["foo", "none"] });
    expect(nodeId).toEqual(NODE.publicKey);
    expect(verify(nodeId, LABEL_ATTESTATION_CONTEXT, attestation, signature)).toBe(true);
    const said = LabelAttestation.decode(attestation);
    expect(said.rak).toEqual(rak);
    expect([...said.labels]).toEqual([
      ["foo", "bar"],
      ["none", ""],
    ]);
    await expect(manager.ask(managers.attestLabels, { labels: [] })).rejects.toThrow("no labels");
    const many = Array.from({ length: 11 }, (_, i) => `label ${i}`);
    await expect(manager.ask(managers.attestLabels, { labels: many })).rejects.toThrow("too many labels");
    const outside = new Manager("alpha", { labels });
    await expect(outside.ask(managers.attestLabels, { labels: ["foo"] })).rejects.toThrow("RAK");
  });
});
