/** Report bodies inside quotes: what the processor says about an enclave or a trust domain (runtime: DCAP quotes). */
import { equalBytes, readU16le, readU32le, readU64le } from "../bytes.js";
import { tupleHash256 } from "../crypto/tuple-hash.js";
import type { EnclaveIdentity } from "./enclave-identity.js";
import { demand } from "./evidence-rejected.js";

/** Size of the report of an SGX enclave. */
export const SGX_REPORT_SIZE = 384;
/** Size of the report of a TDX trust domain. */
export const TD_REPORT_SIZE = 584;

/** May be debugged: nothing inside is secret. */
const SGX_DEBUG = 0x02n;
const TD_DEBUG = 0x01n;
/** Debug, page-fault handling off, protection keys, key locker, performance counters. */
const TD_ATTRIBUTES_KNOWN = (1n << 0n) | (1n << 28n) | (1n << 30n) | (1n << 31n) | (1n << 63n);
const TD_IDENTITY_CONTEXT = "oasis-core/tdx: TD enclave identity";

/** What both kinds of reports tell. */
interface ReportBody {
  /** The bytes that were signed. */
  readonly raw: Uint8Array;
  /** 64 bytes that the software inside chose. */
  readonly reportData: Uint8Array;
  readonly identity: EnclaveIdentity;
  readonly debug: boolean;
}

export interface SgxReport extends ReportBody {
  readonly kind: "sgx";
  readonly miscSelect: number;
  /** Attribute flags and extended-feature mask. */
  readonly flags: bigint;
  readonly xfrm: bigint;
  readonly productId: number;
  readonly securityVersion: number;
}

export interface TdReport extends ReportBody {
  readonly kind: "tdx";
  /** Security versions of the TDX module and what it rests on, 16 bytes. */
  readonly teeTcbSvn: Uint8Array;
  /** Measurement and signer of the TDX module, 48 bytes each. */
  readonly mrSeam: Uint8Array;
  readonly mrSignerSeam: Uint8Array;
}

export type EnclaveReport = SgxReport | TdReport;

/** Reads the report of an SGX enclave, 384 bytes. */
export function parseSgxReport(raw: Uint8Array): SgxReport {
  demand(raw.length === SGX_REPORT_SIZE, "SGX report of another size");
  const flags = readU64le(raw, 48);
  return {
    kind: "sgx",
    raw,
    miscSelect: readU32le(raw, 16),
    flags,
    xfrm: readU64le(raw, 56),
    identity: { mrEnclave: raw.slice(64, 96), mrSigner: raw.slice(128, 160) },
    productId: readU16le(raw, 256),
    securityVersion: readU16le(raw, 258),
    reportData: raw.slice(320, 384),
    debug: (flags & SGX_DEBUG) !== 0n,
  };
}

/**
 * Reads the report of a trust domain, 584 bytes. Its identity is a hash over the build-time and the four run-time
 * measurements, with a signer of zeros, which no SGX enclave can have.
 */
export function parseTdReport(raw: Uint8Array): TdReport {
  demand(raw.length === TD_REPORT_SIZE, "TDX report of another size");
  const attributes = readU64le(raw, 120);
  demand((attributes & ~TD_ATTRIBUTES_KNOWN) === 0n, "TDX report with unknown attributes");
  const measurements = [136, 328, 376, 424, 472].map((at) => raw.slice(at, at + 48));
  return {
    kind: "tdx",
    raw,
    teeTcbSvn: raw.slice(0, 16),
    mrSeam: raw.slice(16, 64),
    mrSignerSeam: raw.slice(64, 112),
    identity: { mrEnclave: tupleHash256(TD_IDENTITY_CONTEXT, measurements), mrSigner: new Uint8Array(32) },
    reportData: raw.slice(520, 584),
    debug: (attributes & TD_DEBUG) !== 0n,
  };
}

/** Whether two identities are the same enclave by the same signer. */
export function isSameEnclave(a: EnclaveIdentity, b: EnclaveIdentity): boolean {
  return equalBytes(a.mrEnclave, b.mrEnclave) && equalBytes(a.mrSigner, b.mrSigner);
}
