import { describe, expect, test } from "vitest";
import { concatBytes, toHex, u16le, u32le } from "#common/bytes.js";
import { parseDcapQuote } from "#common/tee/dcap-quote.js";
import type { EnclavePolicy } from "#common/tee/enclave-policy.js";
import { EvidenceRejected } from "#common/tee/evidence-rejected.js";
import { PcsQuotePolicy } from "#common/tee/quote-policy.js";
import { TcbOutOfDate } from "#common/tee/tcb-level.js";
import { verifyDcapQuote } from "#common/tee/verify-dcap-quote.js";
import { verifyQuote } from "#common/tee/verify-quote.js";
import {
  certificate,
  CERTIFICATES,
  COMPONENTS,
  DOCUMENT_SIGN,
  type Evidence,
  FMSPC,
  KEYS,
  keyOf,
  makeBundle,
  makeQuote,
  NOW,
  PCE_SVN,
  pem,
  QE_IDENTITY,
  rootCertificate,
  sgxExtension,
  sgxReport,
  TCB_INFO,
  TDX_TCB_INFO,
  tdReport,
} from "./support/issuer.ts";

const root = rootCertificate();
const enclaves: EnclavePolicy = {
  roots: { platform: root, reports: root },
  debug: false,
  forbidsSigner: (signer) => signer[0] === 0xbb,
};
const POLICY: PcsQuotePolicy = { ...PcsQuotePolicy.zero(), tcbValidityPeriod: 30, tdx: { allowedTdxModules: [] } };

const verify = (evidence: Evidence, policy: Partial<PcsQuotePolicy> = {}): unknown =>
  verifyDcapQuote(makeBundle(evidence), { ...POLICY, ...policy }, enclaves, NOW);
const platformChainWith = (fmspc: string, components: readonly number[], pceSvn: number): Uint8Array => {
  const extensions = [DOCUMENT_SIGN, sgxExtension(fmspc, components, pceSvn)];
  const platform = certificate({ ...CERTIFICATES.platform, extensions });
  return pem(platform, certificate(CERTIFICATES.authority), root.raw);
};
const levelsWith = (status: string | undefined): Evidence => ({
  tcbInfo: { ...TCB_INFO, tcbLevels: [{ tcb: { pcesvn: 1 }, tcbDate: "", tcbStatus: status }] },
});

describe("a quote with good collateral", () => {
  test("is accepted in all its forms", () => {
    for (const evidence of [{}, { version: 4 as const }, { tdx: true }, { authenticationData: new Uint8Array(0) }]) {
      expect(() => verify(evidence)).not.toThrow();
    }
  });

  test("tells which enclave it is and what the enclave says", () => {
    const reportData = new Uint8Array(64).map((_, i) => i);
    const report = sgxReport({ reportData });
    const verified = verifyDcapQuote(makeBundle({ report }), POLICY, enclaves, NOW);
    expect(verified.reportData).toEqual(reportData);
    expect(toHex(verified.identity.mrEnclave)).toBe("ee".repeat(32));
    expect(toHex(verified.identity.mrSigner)).toBe("55".repeat(32));
  });
});

describe("a quote", () => {
  const good = makeQuote();
  const bad = (change: (quote: Uint8Array) => Uint8Array): (() => unknown) => {
    return () => parseDcapQuote(change(good.slice()));
  };
  const overwritten = (at: number, bytes: Uint8Array): (() => unknown) => {
    return bad((quote) => {
      quote.set(bytes, at);
      return quote;
    });
  };

  test("is refused with anything unusual in its header", () => {
    const changes: readonly (readonly [number, number, string])[] = [
      [0, 5, "version not supported"],
      [2, 3, "attestation key not supported"],
      [4, 1, "reserved bytes"],
      [12, 0, "another vendor"],
    ];
    for (const [at, value, reason] of changes) {
      expect(overwritten(at, Uint8Array.of(value)), reason).toThrow(reason);
    }
    const header = (h: Uint8Array): void => h.set(u32le(0x80), 4);
    expect(() => parseDcapQuote(makeQuote({ version: 4, header }))).toThrow("TEE type not supported");
    const reserved = (h: Uint8Array): void => h.set(u32le(1), 8);
    expect(() => parseDcapQuote(makeQuote({ version: 4, header: reserved }))).toThrow("reserved bytes");
  });

  test("is refused when any of its lengths is wrong", () => {
    for (let size = 0; size < good.length; size += 13) {
      expect(
        bad((quote) => quote.subarray(0, size)),
        `${size}`,
      ).toThrow(EvidenceRejected);
    }
    expect(bad((quote) => concatBytes(quote, Uint8Array.of(0)))).toThrow("trailing data");
    expect(overwritten(432, u32le(0xffffffff))).toThrow("cut off");
    expect(overwritten(432, u32le(583))).toThrow(EvidenceRejected);
    const authentication = 436 + 128 + 384 + 64;
    expect(overwritten(authentication, u16le(0xffff))).toThrow("cut off");
    const v4 = makeQuote({ version: 4 });
    v4.set(u32le(1), 436 + 128 + 2);
    expect(() => parseDcapQuote(v4)).toThrow("another size");
  });

  test("may have bytes behind it only where that is asked for", () => {
    const { size } = parseDcapQuote(concatBytes(good, new Uint8Array(70)), { trailing: true });
    expect(size).toBe(good.length);
  });

  test("with an encrypted platform identifier is read, but cannot be verified", () => {
    const ppid = { certificationKind: 3, chain: new Uint8Array(404) };
    expect(parseDcapQuote(makeQuote(ppid)).certification.chain).toBeUndefined();
    expect(() => verify(ppid)).toThrow("without a platform certificate chain");
    expect(() => parseDcapQuote(makeQuote({ ...ppid, chain: new Uint8Array(403) }))).toThrow("another size");
    expect(() => parseDcapQuote(makeQuote({ ...ppid, certificationKind: 4 }))).toThrow("not supported");
  });

  test("of a trust domain with unknown attributes is refused", () => {
    const report = tdReport({ attributes: 1n << 27n });
    expect(() => parseDcapQuote(makeQuote({ tdx: true, report }))).toThrow("unknown attributes");
  });
});

describe("verification of a quote", () => {
  const reports: readonly (readonly [string, Evidence, string])[] = [
    ["a debug enclave", { report: sgxReport({ flags: 7n }) }, "debug enclave in production mode"],
    ["a debug trust domain", { tdx: true, report: tdReport({ attributes: 1n }) }, "debug enclave in production mode"],
    ["a forbidden signer", { report: sgxReport({ mrSigner: new Uint8Array(32).fill(0xbb) }) }, "blacklisted signer"],
    [
      "a module of another signer",
      { tdx: true, report: tdReport({ mrSignerSeam: new Uint8Array(48).fill(1) }) },
      "TDX module not allowed",
    ],
    ["a quote signed by another key", { quoteSigner: keyOf("other") }, "not signed by the attestation key"],
    ["a quoting enclave of another platform", { qeSigner: keyOf("other") }, "not signed by the platform"],
    [
      "another attestation key than vouched for",
      { qeFields: { reportData: new Uint8Array(64) } },
      "another attestation key",
    ],
  ];
  for (const [what, evidence, reason] of reports) {
    test(`refuses ${what}`, () => expect(() => verify(evidence)).toThrow(reason));
  }

  test("takes debug enclaves, and only those, where debugging is allowed", () => {
    const debug = { ...enclaves, debug: true };
    const bundle = makeBundle({ report: sgxReport({ flags: 7n }) });
    expect(() => verifyDcapQuote(bundle, POLICY, debug, NOW)).not.toThrow();
    expect(() => verifyDcapQuote(makeBundle(), POLICY, debug, NOW)).toThrow("production enclave in debug mode");
  });

  test("takes the TDX modules of a list", () => {
    const report = tdReport({ mrSignerSeam: new Uint8Array(48).fill(1), mrSeam: new Uint8Array(48).fill(2) });
    const mrSignerSeam = new Uint8Array(48).fill(1);
    const allow = (mrSeam: Uint8Array | undefined): unknown =>
      verify({ tdx: true, report }, { tdx: { allowedTdxModules: [{ mrSeam, mrSignerSeam }] } });
    expect(() => allow(undefined)).not.toThrow();
    expect(() => allow(new Uint8Array(48).fill(2))).not.toThrow();
    expect(() => allow(new Uint8Array(48).fill(3))).toThrow("TDX module not allowed");
    expect(() => verify({ tdx: true }, { tdx: undefined })).toThrow("TEE type not allowed");
  });

  test("refuses chains of another length, with another root, or without an SGX extension", () => {
    const [platform, above] = [certificate(CERTIFICATES.platform), certificate(CERTIFICATES.authority)];
    const otherRoot = certificate({ ...CERTIFICATES.root, notBefore: "200101000001Z" });
    expect(() => verify({ chain: pem(platform, above) })).toThrow("too short");
    expect(() => verify({ chain: pem(platform, above, root.raw, root.raw) })).toThrow("too long");
    expect(() => verify({ chain: pem(platform, above, otherRoot) })).toThrow("another root");
    const plain = certificate({ ...CERTIFICATES.platform, extensions: [DOCUMENT_SIGN] });
    expect(() => verify({ chain: pem(plain, above, root.raw) })).toThrow("without a platform family");
    const collateral = certificate(CERTIFICATES.collateral);
    expect(() => verify({ certs: pem(collateral) })).toThrow("too short");
    expect(() => verify({ certs: pem(collateral, root.raw, root.raw) })).toThrow("too long");
    expect(() => verify({ certs: pem(platform, root.raw) })).toThrow("not issued by the trusted root");
    expect(() => verify({ certs: pem(collateral, otherRoot) })).toThrow("another root");
  });
});

describe("collateral", () => {
  test("must be signed by the key it comes with", () => {
    expect(() => verify({ collateralSigner: KEYS.platform })).toThrow("QE identity: signature does not verify");
    const bundle = makeBundle();
    const malformed = { ...bundle.tcb.qeId, signature: "00" };
    expect(() =>
      verifyDcapQuote({ ...bundle, tcb: { ...bundle.tcb, qeId: malformed } }, POLICY, enclaves, NOW),
    ).toThrow("malformed signature");
  });

  const identities: readonly (readonly [object, string])[] = [
    [{ id: "TD_QE" }, "of another kind"],
    [{ version: 3 }, "unexpected version"],
    [{ issueDate: "2024-06-01T00:00:01Z" }, "issued in the future"],
    [{ issueDate: "2024-05-01T23:59:59Z" }, "expired"],
    [{ issueDate: "yesterday" }, "malformed date"],
    [{ nextUpdate: "" }, "malformed date"],
    [{ mrsigner: "00".repeat(32) }, "another signer"],
    [{ mrsigner: "00" }, "1 bytes instead of 32"],
    [{ isvprodid: 2 }, "another product"],
    [{ miscselect: "01000000" }, "another miscselect"],
    [{ attributes: "00".repeat(16) }, "other attributes"],
    [{ attributesMask: "zz" }, "attributes mask"],
    [{ tcbLevels: [] }, "TCB level of the quoting enclave not supported"],
    [{ tcbLevels: [{ tcb: { isvsvn: 1 } }] }, "TCB of the enclave is not up to date (status 0)"],
    [{ tcbLevels: null }, "not supported"],
    [{ advisoryIDs: ["text"] }, "expected an integer"],
  ];
  for (const [change, reason] of identities) {
    test(`with a QE identity of ${JSON.stringify(change)} is refused`, () => {
      expect(() => verify({ qeIdentity: { ...QE_IDENTITY, ...change } })).toThrow(reason);
    });
  }

  test("with a quoting enclave that lacks patches is refused", () => {
    expect(() => verify({ qeFields: { securityVersion: 7 } })).toThrow(TcbOutOfDate);
    expect(() => verify({ qeFields: { securityVersion: 5 } })).toThrow("not supported");
  });

  const infos: readonly (readonly [object, string])[] = [
    [{ id: "TDX" }, "of another kind"],
    [{ version: 2 }, "unexpected version"],
    [{ issueDate: "2024-06-01T00:00:01Z" }, "issued in the future"],
    [{ issueDate: "2024-05-01T23:59:59Z" }, "expired"],
    [{ fmspc: "00a067110001" }, "another platform family"],
    [{ fmspc: "zz" }, "platform family"],
    [{ tcbLevels: [] }, "TCB level not supported"],
    [{ tcbEvaluationDataNumber: -1 }, "expected an integer"],
  ];
  for (const [change, reason] of infos) {
    test(`with TCB info of ${JSON.stringify(change)} is refused`, () => {
      expect(() => verify({ tcbInfo: { ...TCB_INFO, ...change } })).toThrow(reason);
    });
  }

  test("counts to the last moment of its validity", () => {
    const evidence = { tcbInfo: { ...TCB_INFO, issueDate: "2024-05-02T00:00:00.5Z" } };
    const bundle = makeBundle(evidence);
    const at = (nanos: number): unknown => verifyDcapQuote(bundle, POLICY, enclaves, { ...NOW, nanos });
    expect(() => at(500_000_000)).not.toThrow();
    expect(() => at(500_000_001)).toThrow("expired");
  });

  test("must have the evaluation number and the platform family that the policy asks for", () => {
    expect(() => verify({}, { minTcbEvaluationDataNumber: 17 })).not.toThrow();
    expect(() => verify({}, { minTcbEvaluationDataNumber: 18 })).toThrow("evaluation data number too low");
    expect(() => verify({}, { fmspcWhitelist: [FMSPC] })).not.toThrow();
    expect(() => verify({}, { fmspcWhitelist: [FMSPC.toUpperCase()] })).toThrow("not whitelisted");
    expect(() => verify({}, { fmspcBlacklist: [FMSPC] })).toThrow("blacklisted");
    expect(() => verify({}, { disabled: true })).toThrow("disabled by policy");
  });

  test("gives every level its verdict", () => {
    for (const status of ["UpToDate", "SWHardeningNeeded"]) expect(() => verify(levelsWith(status))).not.toThrow();
    const stale = [
      "OutOfDate",
      "ConfigurationNeeded",
      "ConfigurationAndSWHardeningNeeded",
      "OutOfDateConfigurationNeeded",
      "Revoked",
    ];
    for (const status of stale) expect(() => verify(levelsWith(status)), status).toThrow(TcbOutOfDate);
    expect(() => verify(levelsWith(undefined))).toThrow("level without a status");
    expect(() => verify(levelsWith("Fine"))).toThrow("expected a known word");
  });

  test("is compared with the versions in the platform's certificate", () => {
    const [first = 0, ...others] = COMPONENTS;
    expect(() => verify({ chain: platformChainWith(FMSPC, [first - 1, ...others], PCE_SVN) })).toThrow(TcbOutOfDate);
    expect(() => verify({ chain: platformChainWith(FMSPC, COMPONENTS, PCE_SVN - 1) })).toThrow(TcbOutOfDate);
    expect(() => verify({ chain: platformChainWith(FMSPC, [3, ...others], PCE_SVN) })).toThrow("level not supported");
    expect(() => verify({ chain: platformChainWith("00a067110001", COMPONENTS, PCE_SVN) })).toThrow("family");
    expect(() => verify({ chain: platformChainWith("00a0", COMPONENTS, PCE_SVN) })).toThrow("platform family");
  });

  test("judges the TDX module by its own levels once it has a version", () => {
    const report = (...teeTcbSvn: readonly number[]): Evidence => ({ tdx: true, report: tdReport({ teeTcbSvn }) });
    expect(() => verify(report(4, 1, 7))).not.toThrow();
    expect(() => verify(report(2, 1, 7))).toThrow("TCB of the enclave is not up to date");
    expect(() => verify(report(1, 1, 7))).toThrow("TCB level of the TDX module not supported");
    expect(() => verify(report(5, 2, 7))).toThrow("TDX module not supported");
    expect(() => verify(report(5, 0, 7))).not.toThrow();
    expect(() => verify(report(4, 0, 7))).toThrow("TCB level not supported");
    const info = { ...TDX_TCB_INFO, tdxModuleIdentities: null };
    expect(() => verify({ ...report(5, 1, 7), tcbInfo: info })).toThrow("TDX module not supported");
  });
});

test("a quote is of exactly one kind", () => {
  const pcs = makeBundle();
  const ias = { body: null, certificateChain: null, signature: null };
  expect(() => verifyQuote({ pcs }, { pcs: POLICY }, enclaves, NOW)).not.toThrow();
  expect(() => verifyQuote({ pcs, ias }, { pcs: POLICY }, enclaves, NOW)).toThrow("exactly one kind");
  expect(() => verifyQuote({}, undefined, enclaves, NOW)).toThrow("exactly one kind");
});
