import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateRawSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { toHex, utf8 } from "#common/bytes.js";
import { Hash, hash } from "#common/hash.js";
import { SortedMap } from "#common/sorted-map.js";
import { createClient } from "#common/rpc/index.js";
import { nodeControllerMethods } from "#node/rpc/control-methods.js";
import { connectGrpc } from "#platform/grpc-client.js";
import { Qanat } from "../network/support/qanat.ts";
import { type Bundle, readBundle, writeBundle } from "#platform/bundle-archive.js";
import { BundleStore } from "#platform/bundle-store.js";
import { Component } from "#runtime/bundle/component.js";
import { Manifest, MANIFEST_NAME, parseManifest, printManifest } from "#runtime/bundle/manifest.js";
import { hasVectors, vectorBytes } from "../../vectors/support/vectors.ts";
import { RUNTIME_ID } from "../../unit/runtime/support/node.ts";

const folder = mkdtempSync(join(tmpdir(), "qanat-bundle-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
const fresh = (name = "file"): string => join(folder, `${count++}-${name}`);

interface RawEntry {
  readonly name: string;
  readonly data: Uint8Array;
  /** What the archive says about the entry, where it lies. */
  readonly claims?: {
    readonly size?: number;
    readonly crc?: number;
    readonly flags?: number;
    readonly method?: number;
    /** Unix mode. */
    readonly mode?: number;
    /** Where the content is said to lie. */
    readonly offset?: number;
  };
  readonly deflated?: Uint8Array;
}

/** An archive with whatever is asked for, sound or not. */
function zipOf(entries: readonly RawEntry[]): string {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { name, data, claims = {}, deflated } of entries) {
    const packed = deflated ?? deflateRawSync(data);
    const { size = data.length, crc = crc32(data), flags = 0, method = 8, mode = 0 } = claims;
    const bytes = Buffer.from(name, "latin1");
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(flags, 2);
    common.writeUInt16LE(method, 4);
    common.writeUInt32LE(crc, 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(size, 18);
    common.writeUInt16LE(bytes.length, 22);
    const local = Buffer.concat([Buffer.from("504b0304", "hex"), common, bytes, packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE((mode << 16) >>> 0, 6);
    tail.writeUInt32LE(claims.offset ?? offset, 10);
    central.push(Buffer.concat([Buffer.from("504b01021400", "hex"), common, tail, bytes]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write("504b0506", "hex");
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  const path = fresh("archive.orc");
  writeFileSync(path, Buffer.concat([...locals, directory, end]));
  return path;
}

const PROGRAM = utf8("the program");

function manifestOf(
  files: Record<string, Uint8Array>,
  changes: Partial<Manifest> = {},
  component: Partial<Component> = {},
): Manifest {
  const digests = SortedMap.text<Hash>();
  for (const [name, data] of Object.entries(files)) digests.set(name, hash(data));
  const ronl = {
    ...Component.zero(),
    kind: "ronl",
    version: { major: 1, minor: 2, patch: 3 },
    elf: { executable: "program" },
    ...component,
  };
  return { ...Manifest.zero(), name: "test", id: RUNTIME_ID, components: [ronl], digests, ...changes };
}

const first = (manifest: Manifest): RawEntry => ({ name: MANIFEST_NAME, data: printManifest(manifest) });
const program: RawEntry = { name: "program", data: PROGRAM };
const sound = manifestOf({ program: PROGRAM });

async function written(): Promise<{ path: string; bundle: Bundle }> {
  const source = fresh("program");
  writeFileSync(source, PROGRAM);
  const path = fresh("bundle.orc");
  return { path, bundle: await writeBundle(path, sound, new Map([["program", source]])) };
}

describe("a bundle", () => {
  test("is written, read and installed", async () => {
    const { path, bundle } = await written();
    expect(bundle.files.map(({ name, size }) => [name, size])).toEqual([["program", PROGRAM.length]]);
    expect(await readBundle(path)).toEqual(bundle);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const store = new BundleStore(fresh("data"));
    const { folder: at } = await store.install(path);
    expect(at.endsWith(`/runtimes/bundles/${toHex(bundle.hash)}`)).toBe(true);
    expect(readdirSync(at).sort()).toEqual(["META-INF", "program"]);
    expect(readFileSync(join(at, "program"))).toEqual(Buffer.from(PROGRAM));
    expect(statSync(join(at, "program")).mode & 0o777).toBe(0o700);
    expect(statSync(at).mode & 0o777).toBe(0o700);
    expect(parseManifest(readFileSync(join(at, MANIFEST_NAME)))).toEqual(bundle.manifest);
    expect(store.list()).toHaveLength(1);
    expect(store.executableOf(RUNTIME_ID, { major: 1, minor: 2, patch: 3 })).toBe(join(at, "program"));
    expect(store.executableOf(RUNTIME_ID, { major: 1, minor: 2, patch: 4 })).toBeUndefined();
    // Versions that are over go; the one in force and those to come stay, and so do other runtimes.
    store.removeOlder(RUNTIME_ID, { major: 1, minor: 2, patch: 3 });
    store.removeOlder(new Uint8Array(32), { major: 9, minor: 0, patch: 0 });
    expect(store.list()).toHaveLength(1);
    store.removeOlder(RUNTIME_ID, { major: 1, minor: 3, patch: 0 });
    expect(store.list()).toHaveLength(0);
    await store.install(path);
    expect(store.remove(bundle.hash)).toBe(true);
    expect(store.remove(bundle.hash)).toBe(false);
    expect(store.list()).toEqual([]);
  });

  test("is the same archive whenever it is made", async () => {
    const [a, b] = [await written(), await written()];
    expect(readFileSync(a.path)).toEqual(readFileSync(b.path));
  });

  test("that was changed after its installation is unpacked anew", async () => {
    const { path } = await written();
    const store = new BundleStore(fresh("data"));
    const { folder: at } = await store.install(path);
    chmodSync(join(at, "program"), 0o700);
    writeFileSync(join(at, "program"), "another program");
    await store.install(path);
    expect(readFileSync(join(at, "program"))).toEqual(Buffer.from(PROGRAM));
  });

  test("of old form has its program at the top of the manifest", async () => {
    const manifest = manifestOf(
      { program: PROGRAM },
      { components: [], executable: "program", version: { major: 3, minor: 0, patch: 0 } },
    );
    const store = new BundleStore(fresh("data"));
    await store.install(zipOf([first(manifest), program]));
    expect(store.executableOf(RUNTIME_ID, { major: 3, minor: 0, patch: 0 })).toMatch(/program$/);
  });

  test.skipIf(!hasVectors)("with an enclave brings the signature of this enclave", async () => {
    const signature = vectorBytes("sgx/sigstruct/sig1.sigstruct.bin");
    const files = { program: PROGRAM, enclave: utf8("no enclave"), signature };
    const manifest = manifestOf(files, {}, { sgx: { executable: "enclave", signature: "signature" } });
    const entries = [
      first(manifest),
      program,
      { name: "enclave", data: files.enclave },
      { name: "signature", data: signature },
    ];
    await expect(readBundle(zipOf(entries))).rejects.toThrow("signature of another enclave");
    const garbage = manifestOf(
      { ...files, signature: PROGRAM },
      {},
      { sgx: { executable: "enclave", signature: "signature" } },
    );
    const broken = [
      first(garbage),
      program,
      { name: "enclave", data: files.enclave },
      { name: "signature", data: PROGRAM },
    ];
    await expect(readBundle(zipOf(broken))).rejects.toThrow("SIGSTRUCT of 11 bytes");
  });
});

const MIB = 1 << 20;
const named = (name: string): RawEntry[] => [
  first(manifestOf({ program: PROGRAM, [name]: PROGRAM })),
  program,
  { name, data: PROGRAM },
];

describe("a hostile or broken archive is refused and leaves nothing behind:", () => {
  test.each<[string, () => readonly RawEntry[], RegExp]>([
    ["a path above the folder", () => named("../escape"), /is not the name of a file|invalid relative path/],
    ["a path below the folder", () => named("a/b"), /is not the name of a file/],
    ["an absolute path", () => named("/etc/x"), /is not the name of a file|absolute path/],
    ["a path of another system", () => named("a\\b"), /is not the name of a file|invalid characters/],
    [
      "a path of another system above",
      () => [first(sound), program, { name: "..\\x", data: PROGRAM }],
      /invalid|not the name/,
    ],
    ["the folder itself", () => named(".."), /is not the name of a file|invalid relative path/],
    ["a name with a zero byte", () => named("a\0b"), /is not the name of a file/],
    ["a name that is too long", () => named("x".repeat(300)), /longer than 255|text of 300/],
    ["no manifest first", () => [program, first(sound)], /the first entry is not META-INF/],
    ["no entries", () => [], /manifest|empty/],
    ["a second manifest", () => [first(sound), program, first(sound)], /is not the name of a file|twice/],
    ["a file twice", () => [first(sound), program, program], /is there twice/],
    [
      "a file without digest",
      () => [first(sound), program, { name: "more", data: PROGRAM }],
      /missing digest of "more"/,
    ],
    [
      "a file with another digest",
      () => [first(sound), { name: "program", data: utf8("another") }],
      /digest of "program" is/,
    ],
    ["no program", () => [first(manifestOf({}))], /missing ELF executable/],
    [
      "an enclave at the top of the manifest without a program",
      () => [
        first(manifestOf({ program: PROGRAM }, { components: [], sgx: { executable: "program", signature: "" } })),
        program,
      ],
      /missing ELF executable/,
    ],
    ["a manifest that is no JSON", () => [{ name: MANIFEST_NAME, data: utf8("{") }, program], /manifest/],
    [
      "a manifest of two megabytes",
      () => [{ name: MANIFEST_NAME, data: new Uint8Array(2 * MIB).fill(32) }, program],
      /limit/,
    ],
    [
      "a manifest of another kind",
      () => [{ name: MANIFEST_NAME, data: utf8('{"components":[{"kind":"boot"}]}') }, program],
      /unknown component kind/,
    ],
    ["a symbolic link", () => [first(sound), { ...program, claims: { mode: 0o120777 } }], /is a link or a device/],
    ["a device", () => [first(sound), { ...program, claims: { mode: 0o20666 } }], /is a link or a device/],
    [
      "a link in place of the manifest",
      () => [{ ...first(sound), claims: { mode: 0o120777 } }, program],
      /is a link or a device/,
    ],
    [
      "a folder",
      () => [first(sound), program, { name: "folder/", data: new Uint8Array(0) }],
      /is not the name of a file/,
    ],
    [
      "two names for the same bytes",
      () => [
        first(manifestOf({ program: PROGRAM, twin: PROGRAM })),
        program,
        { ...program, name: "twin", claims: { offset: 0 } },
      ],
      /refused/,
    ],
    [
      "names that differ in case only, one of them not in the manifest",
      () => [first(sound), program, { ...program, name: "PROGRAM" }],
      /missing digest of "PROGRAM"/,
    ],
    ["a file with another checksum", () => [first(sound), { ...program, claims: { crc: 1 } }], /another checksum/],
    ["an encrypted file", () => [first(sound), { ...program, claims: { flags: 1 } }], /encrypted/],
    ["an unknown compression", () => [first(sound), { ...program, claims: { method: 12 } }], /compression/],
    ["broken compression", () => [first(sound), { ...program, deflated: utf8("nonsense") }], /refused/],
    ["a file of 100 GB", () => [first(sound), { ...program, claims: { size: 0xfffffff0 } }], /are left of the limit/],
    [
      "a file that grows beyond what it says",
      () => [first(sound), { name: "program", data: PROGRAM, deflated: deflateRawSync(new Uint8Array(64 * MIB)) }],
      /too many bytes|more/i,
    ],
    [
      "a bomb",
      () => [
        first(manifestOf({ program: new Uint8Array(64 * MIB) })),
        { name: "program", data: new Uint8Array(64 * MIB) },
      ],
      /left of the limit/,
    ],
    [
      "many bombs",
      () => [first(sound), ...Array.from({ length: 40 }, (_, i) => ({ name: `b${i}`, data: new Uint8Array(MIB) }))],
      /left of the limit|missing digest/,
    ],
    [
      "more than 1024 files",
      () => [first(sound), ...Array.from({ length: 1025 }, (_, i) => ({ name: `f${i}`, data: PROGRAM }))],
      /more than 1024 files/,
    ],
    [
      "two on-chain components",
      () => [first({ ...sound, components: [...sound.components, ...sound.components] }), program],
      /more than one component ronl/,
    ],
    [
      "an on-chain component that is switched off",
      () => [first(manifestOf({ program: PROGRAM }, {}, { disabled: true })), program],
      /cannot be disabled/,
    ],
    [
      "off-chain logic without a proper name",
      () => [first(manifestOf({ program: PROGRAM }, {}, { kind: "rofl", name: "a b" })), program],
      /is no name of a ROFL component/,
    ],
  ])("%s", async (_, entries, reason) => {
    const path = zipOf(entries());
    const data = fresh("data");
    const outcome = new BundleStore(data).install(path, { maxBytes: 8 * MIB });
    await expect(outcome).rejects.toThrow(reason);
    await expect(outcome).rejects.toMatchObject({ name: "BundleRefused" });
    expect(readdirSync(join(data, "runtimes/bundles"))).toEqual([]);
    expect(readdirSync(join(data, "runtimes/tmp/bundles"))).toEqual([]);
    expect(existsSync(join(data, "escape"))).toBe(false);
  });

  test("what is no archive, half an archive, and no file at all", async () => {
    const { path } = await written();
    const whole = readFileSync(path);
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.from("PK"),
      whole.subarray(0, whole.length - 30),
      Buffer.alloc(1000, 7),
    ]) {
      const broken = fresh("broken.orc");
      writeFileSync(broken, bytes);
      await expect(readBundle(broken)).rejects.toMatchObject({ name: "BundleRefused" });
    }
    await expect(readBundle(fresh("nowhere"))).rejects.toThrow("does not exist");
  });

  test("any single changed byte of an archive leaves what is read unchanged or is refused", async () => {
    const { path, bundle } = await written();
    const whole = readFileSync(path);
    let refused = 0;
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] as number) ^ 0x55;
      const copy = join(folder, "changed.orc");
      writeFileSync(copy, changed);
      const outcome = await readBundle(copy).catch((error: unknown) => error);
      if (outcome instanceof Error) {
        refused++;
        expect(outcome.name, `byte ${at}`).toBe("BundleRefused");
      } else expect(toHex((outcome as Bundle).hash), `byte ${at}`).toBe(toHex(bundle.hash));
    }
    expect(refused).toBeGreaterThan(whole.length / 3);
  });
});

describe("a running node", () => {
  test("takes a bundle by NodeController.AddBundle, and none that is hostile or not there", async () => {
    const { path, bundle } = await written();
    const data = fresh("network");
    const qanat = new Qanat("net", "--json", "--port", "0", "--quiet-load", "--data", data);
    const ready = await qanat.event("ready");
    const channel = connectGrpc(String(ready["grpc"]));
    try {
      const control = createClient(nodeControllerMethods, channel);
      await control.AddBundle(path);
      expect(new BundleStore(data).list().map(({ hash: name }) => toHex(name))).toEqual([toHex(bundle.hash)]);
      const hostile = zipOf([first(sound), { name: "program", data: utf8("another") }]);
      await expect(control.AddBundle(hostile)).rejects.toThrow("bundle refused: digest of");
      await expect(control.AddBundle(fresh("nowhere"))).rejects.toThrow("does not exist");
      expect(new BundleStore(data).list()).toHaveLength(1);
    } finally {
      channel.close();
      await qanat.dispose();
    }
  });
});
