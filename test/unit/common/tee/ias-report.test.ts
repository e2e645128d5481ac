import { describe, expect, test } from "vitest";
import { concatBytes, fromUtf8, toBase64, utf8 } from "#common/bytes.js";
import type { EnclavePolicy } from "#common/tee/enclave-policy.js";
import { EvidenceRejected } from "#common/tee/evidence-rejected.js";
import { verifyIasReport } from "#common/tee/ias-report.js";
import type { AvrBundle } from "#common/tee/quote.js";
import { IAS_QUOTE_STATUS, IasQuotePolicy } from "#common/tee/quote-policy.js";
import { NOW } from "./support/issuer.ts";
import { quoteOf, REPORT, ReportIssuer } from "./support/report-issuer.ts";

const issuer = new ReportIssuer();
const enclaves: EnclavePolicy = {
  roots: { platform: issuer.root, reports: issuer.root },
  debug: false,
  forbidsSigner: (signer) => signer[0] === 0xbb,
};

function verifyBundle(bundle: AvrBundle, policy: Partial<IasQuotePolicy> = {}, mode = enclaves): unknown {
  return verifyIasReport(bundle, { ...IasQuotePolicy.zero(), ...policy }, mode, NOW);
}
const verify = (change: object, policy: Partial<IasQuotePolicy> = {}, mode = enclaves): unknown =>
  verifyBundle(issuer.bundle({ ...REPORT, ...change }), policy, mode);

describe("a report of the older attestation service", () => {
  test("is accepted when everything in it is good", () => {
    for (const change of [{}, { version: 5 }, { version: 5, attestationType: "EPID" }, { attestationType: "" }]) {
      expect(() => verify(change), JSON.stringify(change)).not.toThrow();
    }
  });

  const refused: readonly (readonly [object, string])[] = [
    [{ version: 3 }, "version not supported"],
    [{ version: undefined }, "version not supported"],
    [{ attestationType: "EPID" }, "attestation type in version 4"],
    [{ attestationType: "DCAP" }, "expected a known word"],
    [{ timestamp: "2024-06-01T00:00:00Z" }, "malformed date"],
    [{ isvEnclaveQuoteStatus: undefined }, "without a quote status"],
    [{ isvEnclaveQuoteStatus: "FINE" }, "expected a known word"],
    [{ isvEnclaveQuoteBody: toBase64(quoteOf().subarray(1)) }, "quote of another size"],
    [{ isvEnclaveQuoteBody: undefined }, "without a whole quote"],
    [{ isvEnclaveQuoteBody: toBase64(quoteOf({}, 3)) }, "version not supported"],
    [{ isvEnclaveQuoteBody: toBase64(quoteOf({ flags: 7n })) }, "debug enclave in production mode"],
    [{ isvEnclaveQuoteBody: toBase64(quoteOf({ mrSigner: new Uint8Array(32).fill(0xbb) })) }, "blacklisted signer"],
    [{ revocationReason: 1 }, "revocation reason"],
    [{ isvEnclaveQuoteStatus: "GROUP_REVOKED" }, "revocation reason"],
    [{ pseManifestHash: "00" }, "manifest hash of another size"],
    [{ pseManifestHash: "x" }, "manifest hash"],
    [{ platformInfoBlob: "00" }, "unexpected platform info"],
    [{ nonce: "\u00e9".repeat(17) }, "nonce too long"],
    [{ epidPseudonym: "AA==" }, "pseudonym of another size"],
    [{ isvEnclaveQuoteStatus: "KEY_REVOKED", pseManifestStatus: "OK" }, "unexpected manifest status"],
    [{ id: 1 }, "expected a string"],
  ];
  for (const [change, reason] of refused) {
    test(`of ${JSON.stringify(change).slice(0, 60)} is refused: ${reason}`, () => {
      expect(() => verify(change)).toThrow(reason);
    });
  }

  test("may have platform info where the platform needs repair", () => {
    expect(() => verify({ isvEnclaveQuoteStatus: "SW_HARDENING_NEEDED", platformInfoBlob: "00" })).not.toThrow();
    expect(() => verify({ pseManifestStatus: "OUT_OF_DATE", platformInfoBlob: "00" })).not.toThrow();
  });

  test("has a status that the policy allows", () => {
    const change = { isvEnclaveQuoteStatus: "GROUP_OUT_OF_DATE" };
    expect(() => verify(change)).toThrow("quote status not allowed");
    expect(() => verify(change, { allowedQuoteStatuses: [IAS_QUOTE_STATUS.GROUP_OUT_OF_DATE] })).not.toThrow();
  });

  test("has the evaluation number and the platform group that the policy asks for", () => {
    expect(() => verify({}, { minTcbEvaluationDataNumber: 1 })).toThrow("evaluation data number too low");
    expect(() => verify({ tcbEvaluationDataNumber: 1 }, { minTcbEvaluationDataNumber: 1 })).not.toThrow();
    expect(() => verify({}, { gidBlacklist: [0x1234] })).toThrow("group is blacklisted");
    expect(() => verify({}, { gidBlacklist: [0x1235] })).not.toThrow();
    expect(() => verify({}, { disabled: true })).toThrow("disabled by policy");
  });

  test("is about a debug enclave where only those count", () => {
    const debug = { ...enclaves, debug: true };
    expect(() => verify({ isvEnclaveQuoteBody: toBase64(quoteOf({ flags: 7n })) }, {}, debug)).not.toThrow();
    expect(() => verify({}, {}, debug)).toThrow("production enclave in debug mode");
  });
});

describe("the signature of a report", () => {
  const good = issuer.bundle(REPORT);
  const chain = fromUtf8(good.certificateChain as Uint8Array);
  const withChain = (text: string): AvrBundle => ({ ...good, certificateChain: utf8(text) });

  test("may have its certificates escaped in more than one way", () => {
    const bare = decodeURIComponent(chain);
    expect(() => verifyBundle(withChain(bare.replace(/[+\n]/g, encodeURIComponent)))).not.toThrow();
    // A bare plus sign stands for a blank, which falls out of base64: what is left is no block or another one.
    expect(() => verifyBundle(withChain(bare))).toThrow(EvidenceRejected);
    expect(() => verifyBundle(withChain(`${chain}%2`))).toThrow("malformed escape");
    expect(() => verifyBundle(withChain(`${chain}%zz`))).toThrow("malformed escape");
  });

  test("must be base64 of a signature over the very bytes of the report", () => {
    expect(() => verifyBundle({ ...good, signature: utf8("****") })).toThrow("report signature");
    expect(() => verifyBundle({ ...good, signature: null })).toThrow("does not verify");
    const body = concatBytes(good.body as Uint8Array, utf8(" "));
    expect(() => verifyBundle({ ...good, body })).toThrow("does not verify");
  });

  test("must come from the pinned root", () => {
    const other = new ReportIssuer();
    expect(() => verifyBundle(other.bundle(REPORT))).toThrow("not issued by the trusted root");
  });
});
