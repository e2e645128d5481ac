import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addressFromPublicKey, addressToText } from "#common/address.js";
import { toHex } from "#common/bytes.js";
import { type Answer, type Call, RpcHandler } from "#common/rpc/index.js";
import { headerHash } from "#consensus/block/header.js";
import { account } from "#consensus/services/staking/queries.js";
import { ProofResponse } from "#mkvs/proof/proof.js";
import { type GrpcWebServer, listenGrpcWeb } from "#platform/grpc-web.js";
import type * as Web from "#web/light.js";
import { type RunningNetwork, startNetwork } from "../../interop/support/network.ts";
import { type Bundle, bundleForBrowser } from "./bundle.ts";
import { findChromium, launch, openPage } from "./chromium.ts";

const ENTRY = "src/web/light.ts";
const LIMIT = 150_000;
const HOUR_MS = 3_600_000;
/** In the page, the bundle's exports. */
declare const qanat: typeof Web;

let bundle: Bundle;
beforeAll(async () => {
  bundle = await bundleForBrowser(ENTRY, "qanat");
});

describe("the bundle of a light client", () => {
  it("needs nothing of Node.js and weighs at most 150 kB when compressed", () => {
    const table = bundle.modules.map(([path, bytes]) => `${String(bytes).padStart(7)} ${path}`).join("\n");
    process.stdout.write(`\n${ENTRY}: ${bundle.gzipped} bytes compressed, ${bundle.code.length} not\n${table}\n`);
    expect(bundle.builtins).toEqual([]);
    expect(bundle.gzipped, table).toBeLessThanOrEqual(LIMIT);
  });

  it("holds of the consensus layer what a light client needs, and no service but the ledger", () => {
    const paths = bundle.modules.map(([path]) => path);
    const services = paths.filter((path) => path.startsWith("src/consensus/services/"));
    expect(
      services.every((path) => path.startsWith("src/consensus/services/staking/")),
      services.join(),
    ).toBe(true);
    expect(paths.some((path) => /^src\/(node|network|platform|worker|runtime|cli)\//.test(path))).toBe(false);
  });
});

/** Answers like a node, but with one bit of each proved value turned. */
class Liar extends RpcHandler {
  constructor(private readonly honest: RpcHandler) {
    super();
  }

  override kindOf(path: string): "unary" | "stream" | undefined {
    return this.honest.kindOf(path);
  }

  override handle(path: string, request: Uint8Array, call: Call): Answer {
    const answer = this.honest.handle(path, request, call);
    if (!path.endsWith("/StateSyncGet") || answer.kind !== "unary") return answer;
    const bent = answer.result.then((bytes) => {
      const response = ProofResponse.decode(bytes, "rpc");
      const leaf = response.proof.entries.findLast((entry) => entry?.[0] === 1 && entry[1] === 0) as Uint8Array;
      leaf[leaf.length - 1] = (leaf[leaf.length - 1] as number) ^ 1;
      return ProofResponse.encode(response);
    });
    return { kind: "unary", result: bent };
  }
}

const executable = findChromium();

describe.skipIf(executable === undefined)("a browser tab and a network", () => {
  let network: RunningNetwork;
  let liar: GrpcWebServer;
  let browser: Browser;
  let pages: Server;
  beforeAll(async () => {
    pages = createServer((_, response) => {
      response.setHeader("content-type", "text/html");
      response.end("<!doctype html>");
    }).listen(0, "127.0.0.1");
    await once(pages, "listening");
    network = await startNetwork();
    liar = await listenGrpcWeb({ port: 0 }, new Liar(network.handler), network.log);
    browser = await launch(executable as string);
  });
  afterAll(async () => {
    await browser?.close();
    pages.close();
    await liar?.close();
    await network?.stop();
  });

  /** An empty page of an origin of its own, with the bundle in it. */
  async function open(): Promise<Page> {
    const page = await openPage(browser, `http://127.0.0.1:${(pages.address() as AddressInfo).port}/`);
    await page.addScriptTag({ content: bundle.code });
    return page;
  }

  /** The address of an account with tokens. */
  function rich(): Uint8Array {
    return addressFromPublicKey((network.accounts[1] as RunningNetwork["accounts"][number]).signer.publicKey);
  }

  /** What somebody tells the user: the network, a block of it, an address. */
  function hint(): { chainContext: string; root: string; url: string; liar: string; address: string } {
    const { backend } = network.network;
    const first = backend.block(backend.app.initialHeight);
    if (first === undefined) throw new TypeError("the network has no first block");
    return {
      chainContext: backend.app.chainContext,
      root: toHex(headerHash(first.header)),
      url: network.url,
      liar: `http://127.0.0.1:${liar.port}`,
      address: addressToText(rich()),
    };
  }

  it("come from a cold start to a proved balance", async () => {
    const page = await open();
    const given = hint();
    const result = await page.evaluate(
      async ({ chainContext, root, url, address, period }) => {
        const start = performance.now();
        const connection = qanat.connectWeb({
          url,
          chainContext,
          root: { height: 1n, hash: qanat.fromHex(root) },
          trustingPeriodMs: period,
        });
        const account = await connection.account(qanat.addressFromText(address));
        const cold = performance.now() - start;
        const again = performance.now();
        const state = await connection.stateAt();
        const { general } = await connection.account(qanat.addressFromText(address), state.height);
        const warm = performance.now() - again;
        return {
          balance: String(account.general.balance),
          warmBalance: String(general.balance),
          height: String(state.height),
          cold,
          warm,
        };
      },
      { ...given, period: HOUR_MS },
    );
    process.stdout.write(
      `\ncold start to a proved balance: ${result.cold.toFixed(0)} ms, again: ${result.warm.toFixed(0)} ms\n`,
    );
    const state = network.network.backend.stateAt(BigInt(result.height));
    expect(BigInt(result.warmBalance)).toBe(account(state, rich()).general.balance);
    expect(BigInt(result.balance)).toBeGreaterThan(0n);
    await page.close();
  });

  it("agree with a second node, and notice when a node lies about a balance or the root is of another chain", async () => {
    const page = await open();
    const result = await page.evaluate(
      async ({ chainContext, root, url, liar: liarUrl, address, period }) => {
        const ask = async (node: string, hash: string): Promise<string> => {
          const connection = qanat.connectWeb({
            url: node,
            witnesses: [url],
            chainContext,
            root: { height: 1n, hash: qanat.fromHex(hash) },
            trustingPeriodMs: period,
          });
          try {
            const { general } = await connection.account(qanat.addressFromText(address));
            return general.balance > 0n ? "proved" : "empty";
          } catch (error) {
            return `${(error as Error).name}: ${(error as Error).message}`;
          }
        };
        const wrong = root.replace(/^../, root.startsWith("00") ? "01" : "00");
        return { agreed: await ask(url, root), lied: await ask(liarUrl, root), elsewhere: await ask(url, wrong) };
      },
      { ...hint(), period: HOUR_MS },
    );
    expect(result.agreed).toBe("proved");
    expect(result.lied).toMatch(/^DecodeError: proof\.entries: entries do not have the hash of the root/);
    expect(result.elsewhere).toMatch(/^LightClientError: block 1 is not the one to be trusted/);
    await page.close();
  });
});
