import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toHex, utf8 } from "#common/bytes.js";
import { defineContext, MemorySigner } from "#common/crypto/signature.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import type { Root } from "#mkvs/node/root.js";
import { Proof } from "#mkvs/proof/proof.js";
import { NodeDbSyncer } from "#mkvs/sync.js";
import { Tree } from "#mkvs/tree/tree.js";
import type * as Web from "#web/verify.js";
import { type Bundle, bundleForBrowser } from "./bundle.ts";
import { findChromium, launch, openPage } from "./chromium.ts";

const ENTRY = "src/web/verify.ts";
const LIMIT = 60_000;
/** In the page, the bundle's exports. */
declare const qanat: typeof Web;

let bundle: Bundle;
beforeAll(async () => {
  bundle = await bundleForBrowser(ENTRY, "qanat");
});

describe("the bundle for a browser", () => {
  it("needs nothing of Node.js and weighs at most 60 kB when compressed", () => {
    const table = bundle.modules.map(([path, bytes]) => `${String(bytes).padStart(7)} ${path}`).join("\n");
    process.stdout.write(`\n${ENTRY}: ${bundle.gzipped} bytes compressed, ${bundle.code.length} not\n${table}\n`);
    expect(bundle.builtins).toEqual([]);
    expect(bundle.gzipped, table).toBeLessThanOrEqual(LIMIT);
  });

  it("holds common and mkvs, cryptography, and no layer above", () => {
    const layers = new Set(bundle.modules.map(([path]) => /^src\/([^/]+)\//.exec(path)?.[1]));
    expect([...layers].filter((layer) => layer !== undefined).sort()).toEqual(["common", "mkvs", "web"]);
    expect(bundle.modules.some(([path]) => path === "src/common/crypto/kernels-noble.ts")).toBe(true);
  });
});

/** A tree of 500 keys, a proof for one of them, and a signature over its root. */
function evidence(): { root: string; proof: string; key: string; signer: string; signature: string } {
  const namespace = new Uint8Array(32);
  const db = new MemoryNodeDb(namespace);
  const tree = new Tree({ db });
  for (let i = 0; i < 500; i++) tree.insert(utf8(`key ${i}`), utf8(`value ${i}`));
  tree.commit(namespace, 1n);
  const root = tree.base as Root;
  const key = utf8("key 123");
  const request = { tree: { root, position: root.hash }, key, includeSiblings: false, proofVersion: 0 };
  const signer = MemorySigner.fromTestName("browser test");
  const context = defineContext("qanat/test: browser");
  return {
    root: toHex(root.hash),
    proof: toHex(Proof.encode(new NodeDbSyncer(db).syncGet(request).proof)),
    key: toHex(key),
    signer: toHex(signer.publicKey),
    signature: toHex(signer.sign(context, root.hash)),
  };
}

const executable = findChromium();

describe.skipIf(executable === undefined)("in a browser", () => {
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    browser = await launch(executable as string);
    page = await openPage(browser, "about:blank");
    await page.addScriptTag({ content: bundle.code });
  });
  afterAll(() => browser?.close());

  it("a proof and a signature made on Node.js verify", async () => {
    const result = await page.evaluate((given) => {
      const root = qanat.fromHex(given.root);
      const log = qanat.verifyProofToWriteLog(root, qanat.Proof.decode(qanat.fromHex(given.proof)));
      const entry = log.find(([key]) => qanat.toHex(key) === given.key);
      const context = qanat.defineContext("qanat/test: browser");
      const valid = qanat.verify(qanat.fromHex(given.signer), context, root, qanat.fromHex(given.signature));
      return { value: new TextDecoder().decode(entry?.[1] ?? undefined), valid };
    }, evidence());
    expect(result).toEqual({ value: "value 123", valid: true });
  });

  it("a damaged proof and a signature over something else do not", async () => {
    const result = await page.evaluate((given) => {
      const root = qanat.fromHex(given.root);
      const proof = qanat.Proof.decode(qanat.fromHex(given.proof));
      const at = proof.entries.findIndex((entry) => entry?.[0] === 2);
      const entry = proof.entries[at] as Uint8Array;
      entry[7] = (entry[7] as number) ^ 1;
      let refused = "";
      try {
        qanat.verifyProofToWriteLog(root, proof);
      } catch (error) {
        refused = (error as Error).name;
      }
      const context = qanat.defineContext("qanat/test: browser");
      const other = qanat.hash(root);
      const valid = qanat.verify(qanat.fromHex(given.signer), context, other, qanat.fromHex(given.signature));
      return { refused, valid };
    }, evidence());
    expect(result).toEqual({ refused: "DecodeError", valid: false });
  });

  it("addresses read as they do on Node.js", async () => {
    const text = await page.evaluate(() => {
      const key = qanat.fromHex(`1abe11edc001${"f".repeat(52)}`);
      return qanat.addressToText(qanat.addressFromPublicKey(key));
    });
    expect(text).toBe("oasis1qrmufhkkyyf79s5za2r8yga9gnk4t446dcy3a5zm");
  });
});
