import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { versionToText } from "#common/version.js";
import { readBundle } from "#platform/bundle-archive.js";
import { componentIdOf, filesOf } from "#runtime/bundle/component.js";
import { Qanat } from "../network/support/qanat.ts";

const ID = `80${"00".repeat(31)}`;
const folder = mkdtempSync(join(tmpdir(), "qanat-create-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);
for (const name of ["kv.mjs", "oracle.mjs", "watcher.mjs"]) writeFileSync(at(name), `// ${name}\n`);

async function create(output: string, ...args: string[]): Promise<string> {
  const { code, stderr } = await new Qanat("bundle", "create", at(output), ...args).exited;
  return `${code} ${stderr}`;
}

/** Components of a bundle as text: identifier, version, files. */
async function componentsIn(file: string): Promise<string[]> {
  const { manifest } = await readBundle(at(file));
  return manifest.components.map((component) => {
    const files = filesOf(component).map(({ name }) => name);
    return `${componentIdOf(component)} ${versionToText(component.version)} ${files.join(" ")}`;
  });
}

describe("qanat bundle create", () => {
  const oracle = `oracle@1.2.3=${at("oracle.mjs")}`;
  const watcher = `watcher@0.1.0=${at("watcher.mjs")}`;

  test("makes a bundle of a program and of logic beside it", async () => {
    const ronl = ["--id", ID, "--version", "2.0.0", "--executable", at("kv.mjs")];
    expect(await create("both.orc", ...ronl, "--rofl", oracle, "--rofl", watcher)).toBe("0 ");
    expect(await componentsIn("both.orc")).toEqual([
      "ronl 2.0.0 kv.mjs",
      "rofl.oracle 1.2.3 oracle.mjs",
      "rofl.watcher 0.1.0 watcher.mjs",
    ]);
  });

  test("makes a bundle of off-chain logic only", async () => {
    expect(await create("alone.orc", "--id", ID, "--rofl", oracle)).toBe("0 ");
    expect(await componentsIn("alone.orc")).toEqual(["rofl.oracle 1.2.3 oracle.mjs"]);
  });

  test("makes the same bundle of a manifest with the files beside it", async () => {
    const components = [
      { kind: "ronl", version: { major: 2 }, elf: { executable: "kv.mjs" } },
      { kind: "rofl", name: "oracle", version: { major: 1, minor: 2, patch: 3 }, elf: { executable: "oracle.mjs" } },
    ];
    writeFileSync(at("manifest.json"), JSON.stringify({ id: ID, components, digests: null }));
    expect(await create("told.orc", "--manifest", at("manifest.json"))).toBe("0 ");
    expect(
      await create("same.orc", "--id", ID, "--version", "2.0.0", "--executable", at("kv.mjs"), "--rofl", oracle),
    ).toBe("0 ");
    expect((await readBundle(at("told.orc"))).hash).toEqual((await readBundle(at("same.orc"))).hash);
  });

  test.each([
    [["--rofl", oracle], /^2 error: --id: which runtime is it for\?\n$/],
    [["--id", ID], /^2 error: --executable: give --executable, --rofl or --manifest\n$/],
    [["--id", ID, "--executable", at("kv.mjs")], /^2 error: --version: which version/],
    [["--id", ID, "--rofl", "oracle"], /^2 error: --rofl: expected NAME@VERSION=FILE, got "oracle"\n$/],
    [["--id", ID, "--rofl", `oracle@x=${at("kv.mjs")}`], /^2 error: --rofl: /],
    [["--id", ID, "--rofl", `o@1.0.0=${at("kv.mjs")}`], /^1 error: bundle refused: .*name/],
    [
      ["--id", ID, "--rofl", oracle, "--rofl", oracle],
      /^2 error: --rofl: two of the files have the name oracle\.mjs\n$/,
    ],
    [["--id", ID, "--rofl", `oracle@1.0.0=${at("nowhere")}`], /^2 error: --rofl: .* does not exist\n$/],
    [["--manifest", at("nowhere.json")], /^2 error: --manifest: .* does not exist\n$/],
    [["--manifest", at("kv.mjs")], /^2 error: --manifest: .*kv\.mjs: JSON: /],
    [["--manifest", at("outside.json")], /^1 error: bundle refused: "\.\.\/kv\.mjs" is not the name of a file\n$/],
    [
      ["--manifest", at("manifest.json"), "--id", ID],
      /^2 error: option '--manifest <file>' cannot be used with option '--id <id>'/,
    ],
  ])("refuses %j", async (args, expected) => {
    const outside = { id: ID, components: [{ kind: "ronl", elf: { executable: "../kv.mjs" } }], digests: null };
    writeFileSync(at("outside.json"), JSON.stringify(outside));
    expect(await create("refused.orc", ...args)).toMatch(expected);
  });
});
