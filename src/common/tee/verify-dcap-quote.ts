/** Verification of quotes with platform collateral, in the reference's order (runtime: quote verification). */
import { p256Verify, sha256 } from "#kernels";
import { concatBytes, equalBytes, fromHex } from "../bytes.js";
import type { Timestamp } from "../schema/index.js";
import { type Certificate, parseCertificates } from "./certificate.js";
import { verifyCertificate } from "./certificate-chain.js";
import { checkQeIdentity, checkTcbInfo, QeIdentity, TcbInfo } from "./collateral.js";
import { type DcapQuote, parseDcapQuote, type QeCertification } from "./dcap-quote.js";
import type { EnclavePolicy } from "./enclave-policy.js";
import type { EnclaveReport, TdReport } from "./enclave-report.js";
import { demand, readEvidence } from "./evidence-rejected.js";
import { decodeGoJson } from "./go-json.js";
import { type PlatformInfo, platformInfo } from "./platform-certificate.js";
import type { PcsQuoteBundle, TcbBundle } from "./quote.js";
import type { PcsQuotePolicy, TdxQuotePolicy } from "./quote-policy.js";
import type { VerifiedQuote } from "./verified-quote.js";

const NOTHING = new Uint8Array(0);
const SIGNATURE_SIZE = 64;
const HASH_SIZE = 32;
const PCK_CHAIN_LENGTH = 3;
const COLLATERAL_CHAIN_LENGTH = 2;

/** Applies when a runtime states no policy. */
const DEFAULT_POLICY: PcsQuotePolicy = {
  disabled: false,
  tcbValidityPeriod: 30,
  minTcbEvaluationDataNumber: 12,
  fmspcWhitelist: [],
  fmspcBlacklist: [],
  tdx: undefined,
};

function isModuleAllowed({ allowedTdxModules }: TdxQuotePolicy, report: TdReport): boolean {
  // A module of the vendor has a signer of zeros.
  if (allowedTdxModules.length === 0) return report.mrSignerSeam.every((byte) => byte === 0);
  return allowedTdxModules.some(
    ({ mrSeam, mrSignerSeam }) =>
      (mrSeam === undefined || equalBytes(mrSeam, report.mrSeam)) && equalBytes(mrSignerSeam, report.mrSignerSeam),
  );
}

function checkReport(report: EnclaveReport, policy: PcsQuotePolicy, enclaves: EnclavePolicy): void {
  if (report.kind === "sgx")
    demand(!enclaves.forbidsSigner(report.identity.mrSigner), "enclave of a blacklisted signer");
  demand(report.debug === enclaves.debug, "debug enclave in production mode or production enclave in debug mode");
  if (report.kind === "sgx") return;
  demand(policy.tdx !== undefined, "TEE type not allowed");
  demand(isModuleAllowed(policy.tdx, report), "TDX module not allowed");
}

/** The x and y of a certificate's key, which must be on P-256. */
function pointOf({ key }: Certificate, what: string): Uint8Array {
  demand(key.kind === "p256", `${what} has a key of another kind`);
  return key.point;
}

function verifyPlatform(
  { chain }: QeCertification,
  enclaves: EnclavePolicy,
  now: Timestamp,
): { point: Uint8Array; info: PlatformInfo } {
  demand(chain !== undefined, "quote without a platform certificate chain");
  const [leaf, intermediate, root] = chain;
  demand(leaf !== undefined && root !== undefined, "platform certificate chain too short");
  demand(chain.length === PCK_CHAIN_LENGTH, "platform certificate chain too long");
  readEvidence("platform certificate", () => verifyCertificate(leaf, intermediate, enclaves.roots.platform, now));
  demand(equalBytes(root.raw, enclaves.roots.platform.raw), "platform certificate chain with another root");
  const info = readEvidence("platform certificate", () => platformInfo(leaf));
  return { point: pointOf(leaf, "platform certificate"), info };
}

/** The key that signs collateral. */
function collateralKey(bundle: TcbBundle, enclaves: EnclavePolicy, now: Timestamp): Uint8Array {
  const read = (): Certificate[] => parseCertificates(bundle.certs ?? NOTHING, COLLATERAL_CHAIN_LENGTH + 1);
  const certificates = readEvidence("collateral certificates", read);
  const [leaf, root] = certificates;
  demand(leaf !== undefined && root !== undefined, "collateral certificate chain too short");
  demand(certificates.length === COLLATERAL_CHAIN_LENGTH, "collateral certificate chain too long");
  readEvidence("collateral certificate", () => verifyCertificate(leaf, undefined, enclaves.roots.platform, now));
  demand(equalBytes(root.raw, enclaves.roots.platform.raw), "collateral certificate chain with another root");
  return pointOf(leaf, "collateral certificate");
}

function demandSigned(what: string, document: Uint8Array, signature: string, key: Uint8Array): void {
  const numbers = readEvidence(`${what}: signature`, () => fromHex(signature));
  demand(numbers.length === SIGNATURE_SIZE, `${what}: malformed signature`);
  demand(p256Verify(key, document, numbers), `${what}: signature does not verify`);
}

function verifyCollateral(
  bundle: TcbBundle,
  quote: DcapQuote,
  platform: PlatformInfo,
  policy: PcsQuotePolicy,
  enclaves: EnclavePolicy,
  now: Timestamp,
): void {
  const key = collateralKey(bundle, enclaves, now);
  const { report, certification } = quote;
  const identityJson = bundle.qeId.enclaveIdentity ?? NOTHING;
  demandSigned("QE identity", identityJson, bundle.qeId.signature, key);
  const identity = readEvidence("QE identity", () => decodeGoJson(QeIdentity, identityJson));
  checkQeIdentity(identity, report.kind, certification.report, policy, now);
  const infoJson = bundle.tcbInfo.tcbInfo ?? NOTHING;
  demandSigned("TCB info", infoJson, bundle.tcbInfo.signature, key);
  const info = readEvidence("TCB info", () => decodeGoJson(TcbInfo, infoJson));
  const tdx = report.kind === "tdx" ? report.teeTcbSvn : undefined;
  const versions = { sgx: platform.components, pceSvn: platform.pceSvn, tdx };
  checkTcbInfo(info, platform.fmspc, versions, policy, now);
}

/**
 * Verifies a parsed quote. See `verifyDcapQuote`.
 * @throws EvidenceRejected, TcbOutOfDate
 */
function verifyParsed(
  quote: DcapQuote,
  bundle: TcbBundle,
  policy: PcsQuotePolicy,
  enclaves: EnclavePolicy,
  now: Timestamp,
): VerifiedQuote {
  demand(!policy.disabled, "quotes with platform collateral are disabled by policy");
  const { report, certification, attestationKey, header } = quote;
  checkReport(report, policy, enclaves);
  const platform = verifyPlatform(certification, enclaves, now);
  const vouched = certification.report;
  demand(
    p256Verify(platform.point, vouched.raw, certification.signature),
    "report of the quoting enclave is not signed by the platform",
  );
  const binding = sha256(concatBytes(attestationKey, certification.authenticationData));
  demand(
    equalBytes(vouched.reportData, concatBytes(binding, new Uint8Array(HASH_SIZE))),
    "report of the quoting enclave is about another attestation key",
  );
  verifyCollateral(bundle, quote, platform.info, policy, enclaves, now);
  demand(
    p256Verify(attestationKey, concatBytes(header, report.raw), quote.signature),
    "quote is not signed by the attestation key",
  );
  return { reportData: report.reportData, identity: report.identity };
}

/**
 * Verifies a quote with its collateral: the policy, the chain from the vendor's root to the platform's key, from there
 * to the quoting enclave and its attestation key, the vendor's word on both, and the quote itself.
 *
 * @param policy 30 days, evaluation number 12 and no TDX unless told
 * @throws EvidenceRejected, TcbOutOfDate when only patches are missing
 */
export function verifyDcapQuote(
  bundle: PcsQuoteBundle,
  policy: PcsQuotePolicy | undefined,
  enclaves: EnclavePolicy,
  now: Timestamp,
): VerifiedQuote {
  const quote = parseDcapQuote(bundle.quote ?? NOTHING);
  return verifyParsed(quote, bundle.tcb, policy ?? DEFAULT_POLICY, enclaves, now);
}
