/** What the vendor publishes about platforms and quoting enclaves, decoded from signed JSON (runtime: quote verification). */
import { fromHex, equalBytes, readU32le, readU64le } from "../bytes.js";
import type { Timestamp } from "../schema/index.js";
import type { EnclaveReport, SgxReport } from "./enclave-report.js";
import { isBefore, parseEvidenceTime } from "./evidence-time.js";
import { demand, readEvidence } from "./evidence-rejected.js";
import { goInt, type GoShape, goSlice, goString, goStruct, goUint16, goUint32 } from "./go-json.js";
import type { PcsQuotePolicy } from "./quote-policy.js";
import {
  demandUpToDate,
  enclaveLevel,
  EnclaveTcbLevel,
  type PlatformVersions,
  reachesLevel,
  TCB_STATUS,
  TcbLevel,
  TcbOutOfDate,
} from "./tcb-level.js";

const TCB_INFO_VERSION = 3;
const QE_IDENTITY_VERSION = 2;
const SECONDS_PER_DAY = 86400n;

/** Members that both documents have. */
interface Document {
  readonly id: string;
  readonly version: number;
  readonly issueDate: string;
  readonly nextUpdate: string;
  readonly tcbEvaluationDataNumber: number;
}

interface TdxModule {
  readonly mrsigner: string;
  readonly attributes: string;
  readonly attributesMask: string;
}

interface TdxModuleIdentity extends TdxModule {
  readonly id: string;
  readonly tcbLevels: readonly EnclaveTcbLevel[];
}

/** Levels of one platform family. */
export interface TcbInfo extends Document {
  readonly fmspc: string;
  readonly pceId: string;
  readonly tcbType: number;
  readonly tdxModule: TdxModule;
  readonly tdxModuleIdentities: readonly TdxModuleIdentity[];
  readonly tcbLevels: readonly TcbLevel[];
}

/** Which quoting enclave may vouch for others. */
export interface QeIdentity extends Document {
  readonly miscselect: string;
  readonly miscselectMask: string;
  readonly attributes: string;
  readonly attributesMask: string;
  readonly mrsigner: string;
  readonly isvprodid: number;
  readonly tcbLevels: readonly EnclaveTcbLevel[];
  readonly advisoryIDs: readonly number[];
}

const DOCUMENT = {
  id: goString,
  version: goInt,
  issueDate: goString,
  nextUpdate: goString,
  tcbEvaluationDataNumber: goUint32,
};
const TDX_MODULE = { mrsigner: goString, attributes: goString, attributesMask: goString };

export const TcbInfo: GoShape<TcbInfo> = goStruct<TcbInfo>({
  ...DOCUMENT,
  fmspc: goString,
  pceId: goString,
  tcbType: goInt,
  tdxModule: goStruct<TdxModule>(TDX_MODULE),
  tdxModuleIdentities: goSlice(
    goStruct<TdxModuleIdentity>({ id: goString, tcbLevels: goSlice(EnclaveTcbLevel), ...TDX_MODULE }),
  ),
  tcbLevels: goSlice(TcbLevel),
});

export const QeIdentity: GoShape<QeIdentity> = goStruct<QeIdentity>({
  ...DOCUMENT,
  miscselect: goString,
  miscselectMask: goString,
  attributes: goString,
  attributesMask: goString,
  mrsigner: goString,
  isvprodid: goUint16,
  tcbLevels: goSlice(EnclaveTcbLevel),
  advisoryIDs: goSlice(goInt),
});

/** Version, age and evaluation number; when the next update was due is read but does not count. */
function checkDocument(
  document: Document,
  what: string,
  version: number,
  policy: PcsQuotePolicy,
  now: Timestamp,
): void {
  demand(document.version === version, `${what}: unexpected version`);
  const issued = readEvidence(`${what}: issue date`, () => parseEvidenceTime(document.issueDate, "Z"));
  readEvidence(`${what}: next update`, () => parseEvidenceTime(document.nextUpdate, "Z"));
  demand(!isBefore(now, issued), `${what}: issued in the future`);
  const last = { seconds: issued.seconds + BigInt(policy.tcbValidityPeriod) * SECONDS_PER_DAY, nanos: issued.nanos };
  demand(!isBefore(last, now), `${what}: expired`);
  demand(
    document.tcbEvaluationDataNumber >= policy.minTcbEvaluationDataNumber,
    `${what}: evaluation data number too low`,
  );
}

function hexOf(text: string, size: number, what: string): Uint8Array {
  const bytes = readEvidence(what, () => fromHex(text));
  demand(bytes.length === size, `${what}: ${bytes.length} bytes instead of ${size}`);
  return bytes;
}

/**
 * Checks the identity of the quoting enclave against the policy and against the enclave's own report.
 * @throws EvidenceRejected
 */
export function checkQeIdentity(
  identity: QeIdentity,
  kind: EnclaveReport["kind"],
  report: SgxReport,
  policy: PcsQuotePolicy,
  now: Timestamp,
): void {
  demand(identity.id === (kind === "sgx" ? "QE" : "TD_QE"), "QE identity: of another kind");
  checkDocument(identity, "QE identity", QE_IDENTITY_VERSION, policy, now);
  const signer = hexOf(identity.mrsigner, 32, "QE identity: signer");
  demand(equalBytes(signer, report.identity.mrSigner), "quoting enclave of another signer");
  demand(identity.isvprodid === report.productId, "quoting enclave is another product");
  const misc = readU32le(hexOf(identity.miscselect, 4, "QE identity: miscselect"));
  const miscMask = readU32le(hexOf(identity.miscselectMask, 4, "QE identity: miscselect mask"));
  demand((report.miscSelect & miscMask) >>> 0 === misc, "quoting enclave with another miscselect");
  const attributes = hexOf(identity.attributes, 16, "QE identity: attributes");
  const mask = hexOf(identity.attributesMask, 16, "QE identity: attributes mask");
  demand((report.flags & readU64le(mask)) === readU64le(attributes), "quoting enclave with other attributes");
  demand((report.xfrm & readU64le(mask, 8)) === readU64le(attributes, 8), "quoting enclave with other attributes");
  const level = enclaveLevel(identity.tcbLevels, report.securityVersion);
  demand(level !== undefined, "TCB level of the quoting enclave not supported");
  demandUpToDate(level);
}

/** The module of a trust domain has levels of its own, unless its version is 0. */
function checkTdxModule(info: TcbInfo, tdx: Uint8Array): void {
  const [version = 0, module = 0] = tdx;
  if (module === 0) return;
  const id = `TDX_${module.toString().padStart(2, "0")}`;
  const identity = info.tdxModuleIdentities.find((known) => known.id === id);
  demand(identity !== undefined, "TDX module not supported");
  const level = enclaveLevel(identity.tcbLevels, version);
  demand(level !== undefined, "TCB level of the TDX module not supported");
  demandUpToDate(level);
}

/**
 * Checks the levels of a platform family against the policy and against the platform.
 *
 * @param fmspc family in the platform's certificate, 6 bytes
 * @throws EvidenceRejected, TcbOutOfDate
 */
export function checkTcbInfo(
  info: TcbInfo,
  fmspc: Uint8Array,
  platform: PlatformVersions,
  policy: PcsQuotePolicy,
  now: Timestamp,
): void {
  demand(info.id === (platform.tdx === undefined ? "SGX" : "TDX"), "TCB info: of another kind");
  checkDocument(info, "TCB info", TCB_INFO_VERSION, policy, now);
  // The lists are compared with the family as this document spells it, capital letters and all.
  const { fmspcWhitelist, fmspcBlacklist } = policy;
  demand(fmspcWhitelist.length === 0 || fmspcWhitelist.includes(info.fmspc), "platform family is not whitelisted");
  demand(!fmspcBlacklist.includes(info.fmspc), "platform family is blacklisted");
  const family = readEvidence("TCB info: platform family", () => fromHex(info.fmspc));
  demand(equalBytes(family, fmspc), "TCB info: of another platform family");
  const level = info.tcbLevels.find((candidate) => reachesLevel(candidate, platform));
  demand(level !== undefined, "TCB level not supported");
  demand(level.tcbStatus !== TCB_STATUS.missing, "TCB info: level without a status");
  if (platform.tdx !== undefined) checkTdxModule(info, platform.tdx);
  if (level.tcbStatus !== TCB_STATUS.UpToDate && level.tcbStatus !== TCB_STATUS.SWHardeningNeeded) {
    throw new TcbOutOfDate("platform", level.tcbStatus, level.advisoryIDs);
  }
}
