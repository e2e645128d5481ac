import { expect, test } from "vitest";
import { fromBase64, fromHex, fromUtf8, toHex, utf8 } from "#common/bytes.js";
import { enclavePolicy } from "#common/tee/enclave-policy.js";
import { EvidenceRejected } from "#common/tee/evidence-rejected.js";
import { type AvrBundle, type PcsQuoteBundle, PcsQuoteBundle as PcsBundle } from "#common/tee/quote.js";
import { IasQuotePolicy, PcsQuotePolicy, type QuotePolicy } from "#common/tee/quote-policy.js";
import type { VerifiedQuote } from "#common/tee/verified-quote.js";
import { verifyQuote } from "#common/tee/verify-quote.js";
import { describeVectors } from "../support/vectors.ts";
import { rawMember } from "../sgx/raw-json.ts";

interface QuoteCase {
  readonly name: string;
  readonly kind: "pcs" | "ias";
  readonly ts: number;
  readonly error: string | null;
  readonly policy_cbor?: string;
  readonly mr_enclave?: string;
  readonly mr_signer?: string;
  readonly report_data?: string;
  readonly bundle_cbor_sha256_len?: number;
  readonly quote: string;
  readonly tcb_info: string;
  readonly qe_identity: string;
  readonly certs: string;
  readonly body: string;
  readonly signature: string;
  readonly certificate_chain: string;
}

interface QuoteVectors {
  readonly blobs_base64: Readonly<Record<string, string>>;
  readonly cases: readonly QuoteCase[];
}

/** What the reference says, and what is said here. */
const REASONS: readonly (readonly [string, string])[] = [
  ["certificate has expired or is not yet valid", "certificate (expired|not yet valid)"],
  ["QE identity issue date in the future", "QE identity: issued in the future"],
  ["TCB info issue date in the future", "TCB info: issued in the future"],
  ["QE identity expired", "QE identity: expired"],
  ["invalid QE evaluation data number", "QE identity: evaluation data number too low"],
  ["FMSPC is not whitelisted", "not whitelisted"],
  ["FMSPC is blacklisted", "is blacklisted"],
  ["quotes are disabled by policy", "disabled by policy"],
  ["unexpected certificate chain length: 0", "chain too short"],
  ["TCB signature verification failed", "signature does not verify"],
  ["no PCK certificate chain", "without a platform certificate chain"],
  ["TEE type not allowed", "TEE type not allowed"],
  ["TDX module not allowed", "TDX module not allowed"],
  ["TCB level not supported", "TCB level not supported"],
  ["unexpected trailing data", "unexpected trailing data"],
  ["disallowed debug enclave", "debug enclave in production mode"],
  ["crypto/rsa: verification error", "report: signature does not verify"],
  ["tcb evaluation data number not allowed", "report: evaluation data number too low"],
];

describeVectors<QuoteVectors>("services/tee_quotes.json", ({ blobs_base64, cases }) => {
  const blob = (name: string): Uint8Array => fromBase64(name === "" ? "" : (blobs_base64[name] as string));
  const text = (name: string): string => fromUtf8(blob(name));

  function pcsBundle(c: QuoteCase): PcsQuoteBundle {
    const signatureIn = (json: string): string => (JSON.parse(json) as { signature: string }).signature;
    const [info, identity] = [text(c.tcb_info), text(c.qe_identity)];
    const tcbInfo = { tcbInfo: utf8(rawMember(info, "tcbInfo")), signature: signatureIn(info) };
    const enclaveIdentity = utf8(rawMember(identity, "enclaveIdentity"));
    const qeId = { enclaveIdentity, signature: signatureIn(identity) };
    return { quote: blob(c.quote), tcb: { tcbInfo, qeId, certs: blob(c.certs) } };
  }

  function iasBundle(c: QuoteCase): AvrBundle {
    const [body, signature] = [blob(c.body), blob(c.signature)];
    return { body, certificateChain: blob(c.certificate_chain), signature };
  }

  function policyOf({ kind, policy_cbor }: QuoteCase): QuotePolicy {
    if (policy_cbor === undefined) return {};
    const encoded = fromHex(policy_cbor);
    return kind === "pcs" ? { pcs: PcsQuotePolicy.decode(encoded) } : { ias: IasQuotePolicy.decode(encoded) };
  }

  function verify(c: QuoteCase): VerifiedQuote {
    const enclaves = enclavePolicy({ debug: c.name.includes("debug enclaves allowed"), testKeys: true });
    const quote = c.kind === "pcs" ? { pcs: pcsBundle(c) } : { ias: iasBundle(c) };
    return verifyQuote(quote, policyOf(c), enclaves, { seconds: BigInt(c.ts), nanos: 0 });
  }

  for (const c of cases) {
    test(`${c.kind}: ${c.name} ${c.error === null ? "is accepted" : "is refused"}`, () => {
      if (c.kind === "pcs") expect(PcsBundle.encode(pcsBundle(c)).length).toBe(c.bundle_cbor_sha256_len);
      if (c.error === null) {
        const { identity, reportData } = verify(c);
        if (c.mr_enclave !== undefined) expect(toHex(identity.mrEnclave)).toBe(c.mr_enclave);
        if (c.mr_signer !== undefined) expect(toHex(identity.mrSigner)).toBe(c.mr_signer);
        if (c.report_data !== undefined) expect(toHex(reportData)).toBe(c.report_data);
        return;
      }
      const { error } = c;
      const reason = REASONS.find(([theirs]) => error.includes(theirs))?.[1] ?? `unknown reason: ${error}`;
      expect(() => verify(c)).toThrow(EvidenceRejected);
      expect(() => verify(c)).toThrow(new RegExp(reason));
    });
  }

  test("refuses an enclave of the well-known dummy key unless test keys are allowed", () => {
    const c = cases.find(({ error, kind }) => error === null && kind === "pcs") as QuoteCase;
    const now = { seconds: BigInt(c.ts), nanos: 0 };
    const strict = enclavePolicy({ debug: false, testKeys: false });
    expect(() => verifyQuote({ pcs: pcsBundle(c) }, undefined, strict, now)).toThrow("blacklisted signer");
  });

  test("refuses a report when there is no policy for reports at all", () => {
    const c = cases.find(({ name }) => name === "v4 ok (debug enclaves allowed)") as QuoteCase;
    const now = { seconds: BigInt(c.ts), nanos: 0 };
    const debug = enclavePolicy({ debug: true, testKeys: true });
    expect(() => verifyQuote({ ias: iasBundle(c) }, undefined, debug, now)).toThrow("no policy");
  });
});
