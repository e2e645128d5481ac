import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { keyValue } from "../../../examples/kv/kv.ts";
import { oracle } from "../../../examples/oracle/runtime.ts";
import { tokenLedger } from "../../../examples/token-ledger/runtime.ts";
import * as kit from "#runtime/kit/index.js";

const root = resolve(import.meta.dirname, "../../..");
const page = readFileSync(join(root, "docs/writing-runtimes.md"), "utf8");

test("code on the page about writing runtimes is quoted from the examples", () => {
  const blocks = [...page.matchAll(/(?:<!-- (\S+) -->\n)?```ts\n([\s\S]*?)```/g)];
  expect(blocks.length).toBeGreaterThan(5);
  for (const [, file, code] of blocks) {
    expect(file, code).toBeDefined();
    expect(readFileSync(join(root, file as string), "utf8"), `quoted from ${file}`).toContain(code);
  }
});

test("the page names every example, and each exports one runtime", () => {
  const folders = readdirSync(join(root, "examples"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const { name } of folders) expect(page, name).toContain(`[${name}](../examples/${name}/`);
  for (const program of [keyValue, oracle, tokenLedger]) expect(program.methods).toBeDefined();
});

test("the reference of the kit explains every value that the kit exports", () => {
  const reference = readFileSync(join(root, "docs/generated/kit.md"), "utf8");
  for (const name of Object.keys(kit)) {
    expect(reference, name).toMatch(new RegExp(`^### ${name}$|^\\| \`${name}\` \\|`, "m"));
  }
});
