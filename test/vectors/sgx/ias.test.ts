import { expect, test } from "vitest";
import { toHex } from "#common/bytes.js";
import { enclavePolicy } from "#common/tee/enclave-policy.js";
import { openIasReport, parseIasQuote } from "#common/tee/ias-report.js";
import type { AvrBundle } from "#common/tee/quote.js";
import { IAS_QUOTE_STATUS } from "#common/tee/quote-policy.js";
import { describeVectors, vectorBytes } from "../support/vectors.ts";
import type { Expectations, IasEntry } from "./expectations.ts";

const debug = enclavePolicy({ debug: true, testKeys: true });

function bundleOf({ body, signature, chain }: IasEntry): AvrBundle {
  const [bodyBytes, signatureBytes] = [vectorBytes(`sgx/${body}`), vectorBytes(`sgx/${signature}`)];
  return { body: bodyBytes, signature: signatureBytes, certificateChain: vectorBytes(`sgx/${chain}`) };
}

describeVectors<Expectations>("sgx/expectations.json", ({ ias }) => {
  for (const entry of ias) {
    const now = { seconds: BigInt(entry.ts), nanos: 0 };
    if (typeof entry.version === "string") {
      test(`${entry.body} is signed by the service, yet no report: it has no version`, () => {
        expect(() => openIasReport(bundleOf(entry), debug, now)).toThrow("report version not supported");
        const never = { seconds: BigInt(entry.invalid_at_ts ?? 0), nanos: 0 };
        expect(() => openIasReport(bundleOf(entry), debug, never)).toThrow("not yet valid");
      });
      continue;
    }
    test(`${entry.body} is accepted where debug enclaves are allowed`, () => {
      const report = openIasReport(bundleOf(entry), debug, now);
      expect(report.version).toBe(entry.version);
      expect(report.isvEnclaveQuoteStatus).toBe(IAS_QUOTE_STATUS[entry.status as keyof typeof IAS_QUOTE_STATUS]);
      const quote = parseIasQuote(report.isvEnclaveQuoteBody);
      expect(quote.groupId).toBe(Number(entry.gid));
      expect(toHex(quote.report.identity.mrEnclave)).toBe(entry.mr_enclave);
      expect(toHex(quote.report.identity.mrSigner)).toBe(entry.mr_signer);
    });
    test(`${entry.body} is refused in production, by its signer, and with any other signature`, () => {
      const production = enclavePolicy({ debug: false, testKeys: true });
      expect(() => openIasReport(bundleOf(entry), production, now)).toThrow("debug enclave");
      const strict = enclavePolicy({ debug: true, testKeys: false });
      expect(() => openIasReport(bundleOf(entry), strict, now)).toThrow("blacklisted signer");
      const bundle = bundleOf(entry);
      const body = (bundle.body as Uint8Array).slice();
      body[20] = (body[20] as number) ^ 1;
      expect(() => openIasReport({ ...bundle, body }, debug, now)).toThrow("signature does not verify");
      const empty = { body: null, signature: null, certificateChain: null };
      expect(() => openIasReport(empty, debug, now)).toThrow("chain too short");
    });
  }
});
