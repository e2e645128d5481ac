/** Reports of the older attestation service (registry: TEE verification). */
import { equalBytes, fromBase64, fromHex, readU16le, readU32le, utf8 } from "../bytes.js";
import type { Timestamp } from "../schema/index.js";
import { isSignedWith, parseCertificates } from "./certificate.js";
import { verifyCertificate } from "./certificate-chain.js";
import type { EnclavePolicy } from "./enclave-policy.js";
import { parseSgxReport, type SgxReport, SGX_REPORT_SIZE } from "./enclave-report.js";
import { demand, readEvidence } from "./evidence-rejected.js";
import { parseEvidenceTime } from "./evidence-time.js";
import {
  decodeGoJson,
  goBytes,
  goInt,
  goPointer,
  type GoShape,
  goSlice,
  goString,
  goStruct,
  goUint32,
  goWord,
} from "./go-json.js";
import { latin1 } from "./pem-blocks.js";
import type { AvrBundle } from "./quote.js";
import { IAS_QUOTE_STATUS, type IasQuotePolicy } from "./quote-policy.js";
import type { VerifiedQuote } from "./verified-quote.js";

const NOTHING = new Uint8Array(0);
const QUOTE_BODY_SIZE = 48;
const QUOTE_SIZE = QUOTE_BODY_SIZE + SGX_REPORT_SIZE;
const CHAIN_LENGTH = 2;
const MANIFEST_HASH_SIZE = 32;
const PSEUDONYM_SIZE = 128;
const NONCE_MAX = 32;
/** Stands for a status that the report does not state. */
const MISSING = 0;

const MANIFEST_STATUS = { OK: 0, UNKNOWN: 1, INVALID: 2, OUT_OF_DATE: 3, REVOKED: 4, RL_VERSION_MISMATCH: 5 } as const;
const ATTESTATION_TYPE = { "": 0, EPID: 1 } as const;
const S = IAS_QUOTE_STATUS;
/** Always good enough. */
const GOOD_STATUSES: readonly number[] = [S.OK, S.SW_HARDENING_NEEDED];
const FIXABLE_STATUSES: readonly number[] = [
  S.GROUP_OUT_OF_DATE,
  S.CONFIGURATION_NEEDED,
  S.SW_HARDENING_NEEDED,
  S.CONFIGURATION_AND_SW_HARDENING_NEEDED,
];
const MANIFEST_STATUSES: readonly number[] = [S.OK, ...FIXABLE_STATUSES];
const BLOB_STATUSES: readonly number[] = [S.GROUP_REVOKED, ...FIXABLE_STATUSES];
const M = MANIFEST_STATUS;
const BLOB_MANIFEST_STATUSES: readonly number[] = [M.OUT_OF_DATE, M.REVOKED, M.RL_VERSION_MISMATCH];

/** The signed JSON, as far as it has a meaning here. */
export interface IasReport {
  readonly id: string;
  readonly timestamp: string;
  readonly version: number;
  readonly attestationType: number;
  readonly isvEnclaveQuoteStatus: number;
  readonly isvEnclaveQuoteBody: Uint8Array;
  readonly revocationReason: number | undefined;
  readonly pseManifestStatus: number | undefined;
  readonly pseManifestHash: string;
  readonly platformInfoBlob: string;
  readonly nonce: string;
  readonly epidPseudonym: Uint8Array;
  readonly advisoryURL: string;
  readonly advisoryIDs: readonly string[];
  readonly docIDs: readonly string[];
  readonly tcbEvaluationDataNumber: number;
}

const IasReport: GoShape<IasReport> = goStruct<IasReport>({
  id: goString,
  timestamp: goString,
  version: goInt,
  attestationType: goWord<number>(ATTESTATION_TYPE, 0),
  isvEnclaveQuoteStatus: goWord<number>(IAS_QUOTE_STATUS, MISSING),
  isvEnclaveQuoteBody: goBytes,
  revocationReason: goPointer(goInt),
  pseManifestStatus: goPointer(goWord<number>(MANIFEST_STATUS, MANIFEST_STATUS.OK)),
  pseManifestHash: goString,
  platformInfoBlob: goString,
  nonce: goString,
  epidPseudonym: goBytes,
  advisoryURL: goString,
  advisoryIDs: goSlice(goString),
  docIDs: goSlice(goString),
  tcbEvaluationDataNumber: goUint32,
});

/** The quote inside a report; its signature was for the service only and is not there any more. */
export interface IasQuote {
  /** Group of the platform's key. */
  readonly groupId: number;
  readonly report: SgxReport;
}

/**
 * Reads a quote of the older kind; bytes after its 432 are ignored.
 * @throws EvidenceRejected
 */
export function parseIasQuote(bytes: Uint8Array): IasQuote {
  demand(bytes.length >= QUOTE_SIZE, "report without a whole quote");
  const version = readU16le(bytes, 0);
  demand(version === 1 || version === 2, "quote of the older kind: version not supported");
  demand(readU16le(bytes, 2) <= 1, "quote of the older kind: unknown type of signature");
  demand(version === 2 || readU16le(bytes, 10) === 0, "quote of the older kind: certifying enclave in version 1");
  return { groupId: readU32le(bytes, 4), report: parseSgxReport(bytes.slice(QUOTE_BODY_SIZE, QUOTE_SIZE)) };
}

function checkQuote(bytes: Uint8Array, enclaves: EnclavePolicy): void {
  if (bytes.length === 0) return;
  demand(bytes.length === QUOTE_SIZE, "report with a quote of another size");
  const { report } = parseIasQuote(bytes);
  demand(!enclaves.forbidsSigner(report.identity.mrSigner), "enclave of a blacklisted signer");
  demand(report.debug === enclaves.debug, "debug enclave in production mode or production enclave in debug mode");
}

function checkPlatformInfo(report: IasReport): void {
  const { isvEnclaveQuoteStatus: status, pseManifestStatus: manifest } = report;
  const hash = readEvidence("report: manifest hash", () => fromHex(report.pseManifestHash));
  demand(hash.length === 0 || hash.length === MANIFEST_HASH_SIZE, "report: manifest hash of another size");
  const blob = readEvidence("report: platform info", () => fromHex(report.platformInfoBlob));
  const expected =
    BLOB_STATUSES.includes(status) || (manifest !== undefined && BLOB_MANIFEST_STATUSES.includes(manifest));
  demand(blob.length === 0 || expected, "report: unexpected platform info");
}

/** Whether a report, signed or not, is consistent in itself. */
function checkReport(report: IasReport, enclaves: EnclavePolicy): void {
  readEvidence("report: timestamp", () => parseEvidenceTime(report.timestamp, ""));
  demand(report.version === 4 || report.version === 5, "report version not supported");
  demand(report.version === 5 || report.attestationType === 0, "report: attestation type in version 4");
  const { isvEnclaveQuoteStatus: status } = report;
  demand(status !== MISSING, "report without a quote status");
  checkQuote(report.isvEnclaveQuoteBody, enclaves);
  demand((status === S.GROUP_REVOKED) === (report.revocationReason !== undefined), "report: revocation reason");
  demand(
    report.pseManifestStatus === undefined || MANIFEST_STATUSES.includes(status),
    "report: unexpected manifest status",
  );
  checkPlatformInfo(report);
  demand(utf8(report.nonce).length <= NONCE_MAX, "report: nonce too long");
  const pseudonym = report.epidPseudonym.length;
  demand(pseudonym === 0 || pseudonym === PSEUDONYM_SIZE, "report: pseudonym of another size");
}

/** Undoes the escapes of a URL query, as the service sends its certificates in a header. */
function unescaped(bytes: Uint8Array): Uint8Array {
  const text = latin1(bytes);
  const malformed = /%(?![0-9a-fA-F]{2})/.test(text);
  demand(!malformed, "report certificates: malformed escape");
  const plain = text
    .replaceAll("+", " ")
    .replace(/%([0-9a-fA-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

function verifySignature(bundle: AvrBundle, enclaves: EnclavePolicy, now: Timestamp): void {
  const chain = unescaped(bundle.certificateChain ?? NOTHING);
  const certificates = readEvidence("report certificates", () => parseCertificates(chain, CHAIN_LENGTH + 1));
  const [leaf, root] = certificates;
  demand(leaf !== undefined && root !== undefined, "report certificate chain too short");
  demand(certificates.length === CHAIN_LENGTH, "report certificate chain too long");
  readEvidence("report certificate", () => verifyCertificate(leaf, undefined, enclaves.roots.reports, now));
  demand(equalBytes(root.raw, enclaves.roots.reports.raw), "report certificate chain with another root");
  demand(leaf.key.kind === "rsa", "report certificate has a key of another kind");
  const signature = readEvidence("report signature", () => fromBase64(latin1(bundle.signature ?? NOTHING)));
  demand(isSignedWith(leaf.key, bundle.body ?? NOTHING, signature), "report: signature does not verify");
}

/**
 * Verifies a report: signed by the service, consistent, and about an enclave that this node accepts. Policies of
 * runtimes are another matter.
 * @throws EvidenceRejected
 */
export function openIasReport(bundle: AvrBundle, enclaves: EnclavePolicy, now: Timestamp): IasReport {
  verifySignature(bundle, enclaves, now);
  const report = readEvidence("report", () => decodeGoJson(IasReport, bundle.body ?? NOTHING));
  checkReport(report, enclaves);
  return report;
}

/**
 * Verifies a report against a policy. Without any policy nothing passes: the reference has no answer there but a crash.
 * @throws EvidenceRejected
 */
export function verifyIasReport(
  bundle: AvrBundle,
  policy: IasQuotePolicy | undefined,
  enclaves: EnclavePolicy,
  now: Timestamp,
): VerifiedQuote {
  demand(policy?.disabled !== true, "reports of the older attestation service are disabled by policy");
  const report = openIasReport(bundle, enclaves, now);
  demand(policy !== undefined, "no policy for reports of the older attestation service");
  const { isvEnclaveQuoteStatus: status } = report;
  demand(GOOD_STATUSES.includes(status) || policy.allowedQuoteStatuses.includes(status), "quote status not allowed");
  demand(report.tcbEvaluationDataNumber >= policy.minTcbEvaluationDataNumber, "report: evaluation data number too low");
  const quote = parseIasQuote(report.isvEnclaveQuoteBody);
  demand(!policy.gidBlacklist.includes(quote.groupId), "platform group is blacklisted");
  return { reportData: quote.report.reportData, identity: quote.report.identity };
}
