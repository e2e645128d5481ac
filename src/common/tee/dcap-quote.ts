/** Quotes that carry their own platform certificates, versions 3 (SGX) and 4 (SGX, TDX) (runtime: DCAP quotes). */
import { equalBytes, fromHex, readU16le, readU32le } from "../bytes.js";
import { type Certificate, parseCertificates } from "./certificate.js";
import {
  type EnclaveReport,
  parseSgxReport,
  parseTdReport,
  SGX_REPORT_SIZE,
  type SgxReport,
  TD_REPORT_SIZE,
} from "./enclave-report.js";
import { demand, readEvidence } from "./evidence-rejected.js";

const HEADER_SIZE = 48;
const SIGNATURE_LENGTH_SIZE = 4;
const SIGNATURE_MIN = 584;
const P256_SIZE = 64;
const ECDSA_P256 = 2;
const TEE_TYPE_SGX = 0x00;
const TEE_TYPE_TDX = 0x81;
const QE_VENDOR = fromHex("939a7233f79c4ca9940a0db3957f0607");
/** Kinds of certification data. */
const PPID_KINDS = [1, 2, 3];
const PPID_SIZE = 404;
const PCK_CHAIN = 5;
const QE_REPORT = 6;
/** One more than a usable chain has: whether a fourth certificate is well-formed makes no difference. */
const CHAIN_MAX = 4;

/** A parsed quote; nothing in it has been verified. */
export interface DcapQuote {
  readonly version: 3 | 4;
  /** Security versions of the quoting and the certifying enclave; only version 3 has them. */
  readonly qeSvn: number;
  readonly pceSvn: number;
  /** The 48 bytes in front of the report. */
  readonly header: Uint8Array;
  readonly report: EnclaveReport;
  /** r and s over header and report by the attestation key. */
  readonly signature: Uint8Array;
  /** x and y of the attestation key. */
  readonly attestationKey: Uint8Array;
  readonly certification: QeCertification;
  /** Bytes that the quote takes. */
  readonly size: number;
}

/** How the quoting enclave vouches for the attestation key. */
export interface QeCertification {
  readonly report: SgxReport;
  readonly signature: Uint8Array;
  readonly authenticationData: Uint8Array;
  /** Kind of what vouches for the platform. */
  readonly kind: number;
  /** Certificates from the platform's key to the root; undefined for kinds that cannot be verified offline. */
  readonly chain: readonly Certificate[] | undefined;
}

/** Cuts bytes off from the front. */
class Cursor {
  #at = 0;
  constructor(private readonly bytes: Uint8Array) {}

  take(size: number, what: string): Uint8Array {
    const end = this.#at + size;
    demand(end <= this.bytes.length, `quote: ${what} cut off`);
    const out = this.bytes.subarray(this.#at, end);
    this.#at = end;
    return out;
  }

  get left(): number {
    return this.bytes.length - this.#at;
  }
}

/** The kind of report that follows a header. */
function checkHeader(header: Uint8Array): { version: 3 | 4; tdx: boolean } {
  const version = readU16le(header, 0);
  demand(version === 3 || version === 4, "quote version not supported");
  const teeType = version === 3 ? TEE_TYPE_SGX : readU32le(header, 4);
  demand(teeType === TEE_TYPE_SGX || teeType === TEE_TYPE_TDX, "quote: TEE type not supported");
  demand(readU32le(header, version === 3 ? 4 : 8) === 0, "quote: reserved bytes in use");
  demand(equalBytes(header.subarray(12, 28), QE_VENDOR), "quote: quoting enclave of another vendor");
  return { version, tdx: teeType === TEE_TYPE_TDX };
}

function parseCertification(cursor: Cursor): QeCertification {
  const report = parseSgxReport(cursor.take(SGX_REPORT_SIZE, "report of the quoting enclave"));
  const signature = cursor.take(P256_SIZE, "signature of the platform");
  const authenticationSize = readU16le(cursor.take(2, "authentication data"));
  const authenticationData = cursor.take(authenticationSize, "authentication data");
  const kind = readU16le(cursor.take(2, "certification data"));
  const data = cursor.take(readU32le(cursor.take(4, "certification data")), "certification data");
  if (kind !== PCK_CHAIN) {
    demand(PPID_KINDS.includes(kind), "quote: kind of certification data not supported");
    demand(data.length === PPID_SIZE, "quote: encrypted platform identifier of another size");
    return { report, signature, authenticationData, kind, chain: undefined };
  }
  const chain = readEvidence("quote: platform certificates", () => parseCertificates(data, CHAIN_MAX));
  return { report, signature, authenticationData, kind, chain };
}

/**
 * Reads a quote.
 *
 * @param options.trailing accept bytes after the quote; only for quotes fresh from the platform, never in consensus
 * @throws EvidenceRejected
 */
export function parseDcapQuote(bytes: Uint8Array, options?: { readonly trailing?: boolean }): DcapQuote {
  demand(bytes.length >= HEADER_SIZE + SGX_REPORT_SIZE + SIGNATURE_LENGTH_SIZE, "quote: too short");
  const cursor = new Cursor(bytes);
  const header = cursor.take(HEADER_SIZE, "header");
  const { version, tdx } = checkHeader(header);
  const report = tdx
    ? parseTdReport(cursor.take(TD_REPORT_SIZE, "report"))
    : parseSgxReport(cursor.take(SGX_REPORT_SIZE, "report"));
  const signatureSize = readU32le(cursor.take(SIGNATURE_LENGTH_SIZE, "signature length"));
  const signed = new Cursor(cursor.take(signatureSize, "signature"));
  demand(cursor.left === 0 || options?.trailing === true, "quote: unexpected trailing data");
  demand(readU16le(header, 2) === ECDSA_P256, "quote: kind of attestation key not supported");
  demand(signatureSize >= SIGNATURE_MIN, "quote: signature too short");
  const signature = signed.take(P256_SIZE, "signature");
  const attestationKey = signed.take(P256_SIZE, "attestation key");
  if (version === 4) {
    const wrapper = signed.take(6, "certification data");
    demand(readU32le(wrapper, 2) === signed.left, "quote: certification data of another size");
    demand(readU16le(wrapper) === QE_REPORT, "quote: certification data without a report");
  }
  const certification = parseCertification(signed);
  const [qeSvn, pceSvn] = version === 3 ? [readU16le(header, 8), readU16le(header, 10)] : [0, 0];
  const size = bytes.length - cursor.left;
  return { version, qeSvn, pceSvn, header, report, signature, attestationKey, certification, size };
}
