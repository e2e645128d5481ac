import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { toHex } from "#common/bytes.js";
import { Tree } from "#mkvs/tree/tree.js";
import { applyVersion, latestRoot, openDb } from "./writer.ts";

const KILLS = process.env["QANAT_NIGHTLY"] === undefined ? 5 : 50;
const folder = mkdtempSync(join(tmpdir(), "qanat-kill-"));
// Beside the sources, so that packages are found from it.
const bundle = resolve(".cache/test-mkvs-writer.mjs");

beforeAll(async () => {
  mkdirSync(resolve(".cache"), { recursive: true });
  await build({
    entryPoints: [resolve("test/e2e/mkvs/writer.ts")],
    outfile: bundle,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    conditions: ["source", "node"],
    logLevel: "warning",
  });
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Lets the writer write for a while and kills it. Returns the last version that it told to be final. */
async function writeAndKill(kind: string, path: string, ms: number): Promise<bigint> {
  const script = `import(${JSON.stringify(bundle)}).then((m) => m.writeForEver("${kind}", ${JSON.stringify(path)}))`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let told = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  child.stdout.on("data", (data: Buffer) => {
    told += data.toString("latin1");
    timer ??= setTimeout(() => child.kill("SIGKILL"), ms);
  });
  const signal = await new Promise((done) => child.on("close", (_code, by) => done(by)));
  clearTimeout(timer);
  expect(signal).toBe("SIGKILL");
  return BigInt(told.trim().split("\n").at(-1) ?? "0");
}

test.each(["lmdb", "file"])(
  "a database on %s that was killed has the last version that was final, whole",
  async (kind) => {
    const path = join(folder, kind);
    const expected = new Tree();
    let applied = 0n;
    for (let kill = 0; kill < KILLS; kill++) {
      const told = await writeAndKill(kind, path, 20 + ((kill * 7919) % 400));
      const { db, close } = openDb(kind, path);
      const root = latestRoot(db)!;
      expect(root.version === told || root.version === told + 1n, `${root.version} after ${told}`).toBe(true);
      for (; applied < root.version; applied++) applyVersion(Number(applied) + 1, expected);
      expect(toHex(root.hash)).toBe(toHex(expected.rootHash()));
      const [found, wanted] = [new Tree({ db, root }).iterator(), expected.iterator()];
      found.seek(new Uint8Array(0));
      for (wanted.seek(new Uint8Array(0)); wanted.valid; wanted.next(), found.next()) {
        expect(toHex(found.key)).toBe(toHex(wanted.key));
        expect(toHex(found.value)).toBe(toHex(wanted.value));
      }
      expect(found.valid).toBe(false);
      close();
    }
  },
);
