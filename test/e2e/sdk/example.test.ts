import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Qanat } from "../network/support/qanat.ts";

const EXAMPLE = resolve("examples/prove-balance.mjs");
const prove = (...args: string[]) => promisify(execFile)(process.execPath, [EXAMPLE, ...args]);

let net: Qanat;
let url: string;
let chain: string;
let root: { height: number; hash: string };
let address: string;
beforeAll(async () => {
  net = new Qanat("net", "--json", "--port", "0", "--quiet-load");
  const ready = await net.event("ready");
  [url, chain] = [String(ready["grpc_web"]), String(ready["chain_context"])];
  root = ready["trust_root"] as typeof root;
  address = (ready["accounts"] as { address: string }[])[1]?.address ?? "";
});
afterAll(() => net.dispose());

describe("the example of a proved balance", () => {
  test("proves it with what the network tells when it is ready", async () => {
    const { stdout, stderr } = await prove(url, chain, `${root.height}:${root.hash}`, address);
    expect([stdout, stderr]).toEqual([expect.stringContaining(`${address} has 10000000000000000 base units`), ""]);
  });

  test("believes no block but the one that it was told", async () => {
    const other = `${root.hash.startsWith("0") ? "1" : "0"}${root.hash.slice(1)}`;
    await expect(prove(url, chain, `${root.height}:${other}`, address)).rejects.toMatchObject({
      stderr: expect.stringContaining("is not the one to be trusted"),
    });
  });
});

test("the page about verifying quotes the example", () => {
  const page = readFileSync(resolve("docs/verifying.md"), "utf8");
  const [, file, code] = /<!-- (\S+) -->\n```js\n([\s\S]*?)```/.exec(page) ?? [];
  expect(file).toBe("examples/prove-balance.mjs");
  const source = readFileSync(EXAMPLE, "utf8");
  for (const part of (code ?? "").trim().split("\n\n")) expect(source).toContain(part);
});
