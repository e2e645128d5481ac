import { expect, test } from "vitest";
import { toHex } from "#common/bytes.js";
import { type DcapQuote, parseDcapQuote } from "#common/tee/dcap-quote.js";
import { enclavePolicy } from "#common/tee/enclave-policy.js";
import { EvidenceRejected } from "#common/tee/evidence-rejected.js";
import { platformInfo } from "#common/tee/platform-certificate.js";
import { PcsQuoteBundle } from "#common/tee/quote.js";
import { verifyDcapQuote } from "#common/tee/verify-dcap-quote.js";
import { describeVectors, vectorBytes } from "../support/vectors.ts";
import { collateralOf, type Expectations, hexIs, type PcsCase, type PcsEntry, policyOf } from "./expectations.ts";

/** Offset of the signer of the TDX module in a quote: header, then 64 bytes into the report. */
const MR_SIGNER_SEAM = 48 + 64;
const enclaves = enclavePolicy({ debug: false, testKeys: true });

function bundleOf(entry: PcsEntry, { mutate = "" }: PcsCase): PcsQuoteBundle {
  if (entry.bundle !== undefined) return PcsQuoteBundle.decode(vectorBytes(`sgx/${entry.bundle}`));
  const quote = vectorBytes(`sgx/${entry.quote}`);
  if (mutate.includes("mr_signer_seam")) quote[MR_SIGNER_SEAM] = 1;
  if (entry.tcb_info === undefined) return { ...PcsQuoteBundle.zero(), quote };
  return { quote, tcb: collateralOf(entry, mutate) };
}

function checkParsed(quote: DcapQuote, parsed: Readonly<Record<string, unknown>>): void {
  const { report, certification } = quote;
  const numbers = [
    [quote.version, parsed["version"]],
    [quote.qeSvn, parsed["qe_svn"]],
    [quote.pceSvn, parsed["pce_svn"]],
    [certification.kind, parsed["cert_data_type"]],
    [certification.authenticationData.length, parsed["auth_data_len"]],
  ];
  for (const [is, wanted] of numbers) expect(wanted ?? is).toBe(is);
  expect(hexIs(report.identity.mrEnclave, parsed["mr_enclave"])).toBe(true);
  expect(hexIs(report.identity.mrSigner, parsed["mr_signer"])).toBe(true);
  expect(hexIs(report.reportData, parsed["report_data"])).toBe(true);
  if (report.kind === "sgx" && parsed["flags"] !== undefined) {
    expect([report.flags, report.xfrm]).toEqual([5n, 3n]);
  }
  if (report.kind === "tdx") {
    expect(hexIs(report.teeTcbSvn, parsed["tee_tcb_svn"])).toBe(true);
    expect(hexIs(report.mrSignerSeam, parsed["mr_signer_seam"])).toBe(true);
  }
  const leaf = certification.chain?.[0];
  if (parsed["pck_fmspc"] === undefined || leaf === undefined) return;
  const platform = platformInfo(leaf);
  expect(toHex(platform.fmspc)).toBe(parsed["pck_fmspc"]);
  if (parsed["pck_tcb_components"] === undefined) return;
  expect(platform.components).toEqual(parsed["pck_tcb_components"]);
  expect(platform.pceSvn).toBe(parsed["pck_pcesvn"]);
}

describeVectors<Expectations>("sgx/expectations.json", ({ pcs }) => {
  for (const entry of pcs) {
    const name = entry.quote ?? entry.bundle ?? "";
    if (entry.parsed !== undefined) {
      test(`${name} is read field by field`, () => {
        checkParsed(parseDcapQuote(vectorBytes(`sgx/${name}`)), entry.parsed ?? {});
      });
    }
    entry.cases.forEach((c, i) => {
      const verdict = c.ok ? "is accepted" : `is refused: ${c.error ?? "malformed"}`;
      test(`${name} ${verdict} (${i}, at ${c.ts})`, () => {
        const bundle = bundleOf(entry, c);
        if (c.mode?.startsWith("trailing") === true) {
          const bytes = bundle.quote as Uint8Array;
          expect(parseDcapQuote(bytes, { trailing: true }).size).toBe(bytes.length - 70);
          return;
        }
        const now = { seconds: c.ts === "any" ? 1_671_497_404n : BigInt(c.ts), nanos: 0 };
        const verify = (): unknown => verifyDcapQuote(bundle, policyOf(c), enclaves, now);
        if (c.ok) verify();
        else expect(verify).toThrow(EvidenceRejected);
      });
    });
  }
});
