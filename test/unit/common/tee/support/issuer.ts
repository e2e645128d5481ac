/** An imitation of the chip vendor: its own root, certificates, collateral and quotes, all properly signed. */
import { p256 } from "@noble/curves/nist.js";
import { concatBytes, fromHex, toBase64, toHex, u16le, u32le, u64le, utf8 } from "#common/bytes.js";
import { hash } from "#common/hash.js";
import { type Certificate, parseCertificate } from "#common/tee/certificate.js";
import type { PcsQuoteBundle } from "#common/tee/quote.js";
import { sha256 } from "#kernels";
import { bits, boolean, commonName, der, integer, octets, oid, sequence, utcTime } from "./der-writer.ts";

const OID_P256_KEY = sequence(oid("2a8648ce3d0201"), oid("2a8648ce3d030107"));
const ECDSA_SHA256 = sequence(oid("2a8648ce3d040302"));
const OID_SGX = "2a864886f84d010d01";

/** 2024-06-01T00:00:00Z: everything here is valid then. */
export const NOW = { seconds: 1_717_200_000n, nanos: 0 };
export const FMSPC = "00a067110000";

export interface Key {
  readonly secret: Uint8Array;
  /** x and y. */
  readonly point: Uint8Array;
}

/** The key that a name stands for. */
export function keyOf(name: string): Key {
  const secret = hash(utf8(name));
  return { secret, point: p256.getPublicKey(secret, false).slice(1) };
}

export function signRaw(key: Key, message: Uint8Array): Uint8Array {
  return p256.sign(message, key.secret, { lowS: false });
}

export function signDer(key: Key, message: Uint8Array): Uint8Array {
  return derSignature(signRaw(key, message));
}

/** r and s as DER. */
export function derSignature(numbers: Uint8Array): Uint8Array {
  return sequence(integer(numbers.subarray(0, 32)), integer(numbers.subarray(32)));
}

/** The other signature that the same key could have made for the same message: n minus s. */
export function mirrored(numbers: Uint8Array): Uint8Array {
  const s = p256.Point.Fn.ORDER - BigInt(`0x${toHex(numbers.subarray(32))}`);
  return concatBytes(numbers.subarray(0, 32), fromHex(s.toString(16).padStart(64, "0")));
}

export interface CertificateOptions {
  readonly subject: string;
  readonly issuer: string;
  readonly key: Key;
  readonly signer: Key;
  readonly notBefore?: string;
  readonly notAfter?: string;
  readonly extensions?: readonly Uint8Array[];
}

export function extension(id: string, value: Uint8Array, critical = false): Uint8Array {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value));
}

/** Basic constraints of an authority. */
export function authority(pathLength?: number): Uint8Array {
  const limit = pathLength === undefined ? [] : [integer(pathLength)];
  return extension("551d13", sequence(boolean(true), ...limit), true);
}

/** Key usage: signs certificates and revocation lists. */
export const CERT_SIGN = extension("551d0f", bits(Uint8Array.of(0x06), 1), true);
/** Key usage: signs documents. */
export const DOCUMENT_SIGN = extension("551d0f", bits(Uint8Array.of(0xc0), 6), true);

/** The signed part of a certificate. */
export function tbsCertificate(options: CertificateOptions): Uint8Array {
  const { subject, issuer, key, notBefore = "200101000000Z", notAfter = "300101000000Z", extensions = [] } = options;
  return sequence(
    der(0xa0, integer(2)),
    integer(7),
    ECDSA_SHA256,
    commonName(issuer),
    sequence(utcTime(notBefore), utcTime(notAfter)),
    commonName(subject),
    sequence(OID_P256_KEY, bits(concatBytes(Uint8Array.of(4), key.point))),
    ...(extensions.length === 0 ? [] : [der(0xa3, sequence(...extensions))]),
  );
}

/** A certificate whose unsigned parts may be anything. */
export function assemble(tbs: Uint8Array, signature: Uint8Array, ...after: readonly Uint8Array[]): Uint8Array {
  return sequence(tbs, ECDSA_SHA256, signature, ...after);
}

export function certificate(options: CertificateOptions): Uint8Array {
  const tbs = tbsCertificate(options);
  return assemble(tbs, bits(signDer(options.signer, tbs)));
}

export function pem(...certificates: readonly Uint8Array[]): Uint8Array {
  const blocks = certificates.map((bytes) => {
    const lines = toBase64(bytes).match(/.{1,64}/g) ?? [];
    return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
  });
  return utf8(blocks.join(""));
}

/** The SGX extension of a platform certificate. */
export function sgxExtension(fmspc: string, components: readonly number[], pceSvn: number): Uint8Array {
  const part = (n: number, value: Uint8Array): Uint8Array =>
    sequence(oid(`${OID_SGX}02${n.toString(16).padStart(2, "0")}`), value);
  const versions = components.map((svn, i) => part(i + 1, integer(svn)));
  const cpuSvn = part(18, octets(Uint8Array.from(components)));
  const tcb = sequence(oid(`${OID_SGX}02`), sequence(...versions, part(17, integer(pceSvn)), cpuSvn));
  const ppid = sequence(oid(`${OID_SGX}01`), octets(new Uint8Array(16)));
  return extension(OID_SGX, sequence(ppid, tcb, sequence(oid(`${OID_SGX}04`), octets(fromHex(fmspc)))));
}

const ROOT = keyOf("root");
const AUTHORITY = keyOf("platform authority");
const PLATFORM = keyOf("platform");
const COLLATERAL = keyOf("collateral");
const ATTESTATION = keyOf("attestation");
export const KEYS = { root: ROOT, authority: AUTHORITY, platform: PLATFORM, collateral: COLLATERAL } as const;

const issuedBy = { root: { issuer: "root", signer: ROOT }, authority: { issuer: "authority", signer: AUTHORITY } };
const ISSUER = [authority(1), CERT_SIGN];

export const COMPONENTS: readonly number[] = [7, 9, 3, 3, 255, 255, 1, 0, 0, 0, 0, 0, 0, 0, 0, 5];
export const PCE_SVN = 13;

/** Options of every certificate in a good set of evidence. */
export const CERTIFICATES = {
  root: { subject: "root", ...issuedBy.root, key: ROOT, extensions: ISSUER },
  authority: { subject: "authority", ...issuedBy.root, key: AUTHORITY, extensions: [authority(0), CERT_SIGN] },
  platform: {
    subject: "platform",
    ...issuedBy.authority,
    key: PLATFORM,
    extensions: [DOCUMENT_SIGN, sgxExtension(FMSPC, COMPONENTS, PCE_SVN)],
  },
  collateral: { subject: "collateral", ...issuedBy.root, key: COLLATERAL, extensions: [DOCUMENT_SIGN] },
} as const satisfies Record<string, CertificateOptions>;

export const rootCertificate = (): Certificate => parseCertificate(certificate(CERTIFICATES.root));

/** Members of a JSON document; undefined ones are left out. */
export type Json = Readonly<Record<string, unknown>>;

const DOCUMENT = {
  issueDate: "2024-05-20T00:00:00Z",
  nextUpdate: "2024-06-20T00:00:00Z",
  tcbEvaluationDataNumber: 17,
};
const svns = (values: readonly number[]): { svn: number }[] => values.map((svn) => ({ svn }));

export const QE_SIGNER = toHex(hash(utf8("signer of the quoting enclave")));

export const QE_IDENTITY: Json = {
  id: "QE",
  version: 2,
  ...DOCUMENT,
  miscselect: "00000000",
  miscselectMask: "FFFFFFFF",
  attributes: "11000000000000000000000000000000",
  attributesMask: "FBFFFFFFFFFFFFFF0000000000000000",
  mrsigner: QE_SIGNER.toUpperCase(),
  isvprodid: 1,
  tcbLevels: [
    { tcb: { isvsvn: 8 }, tcbDate: "2024-03-13T00:00:00Z", tcbStatus: "UpToDate" },
    { tcb: { isvsvn: 6 }, tcbDate: "2022-11-09T00:00:00Z", tcbStatus: "OutOfDate", advisoryIDs: ["A-1"] },
  ],
};

export const TCB_INFO: Json = {
  id: "SGX",
  version: 3,
  ...DOCUMENT,
  fmspc: FMSPC,
  pceId: "0000",
  tcbType: 0,
  tcbLevels: [
    {
      tcb: { sgxtcbcomponents: svns([8, 9, 3, 3, 255, 255, 1]), pcesvn: 13 },
      tcbDate: "2024-03-13T00:00:00Z",
      tcbStatus: "UpToDate",
    },
    {
      tcb: { sgxtcbcomponents: svns([7, 9, 3, 3, 255, 255, 1]), pcesvn: 13 },
      tcbDate: "2023-08-09T00:00:00Z",
      tcbStatus: "SWHardeningNeeded",
      advisoryIDs: ["A-2"],
    },
    {
      tcb: { sgxtcbcomponents: svns([4]), pcesvn: 5 },
      tcbDate: "2018-01-04T00:00:00Z",
      tcbStatus: "OutOfDate",
      advisoryIDs: ["A-3"],
    },
  ],
};

export const TDX_QE_IDENTITY: Json = { ...QE_IDENTITY, id: "TD_QE" };

export const TDX_TCB_INFO: Json = {
  ...TCB_INFO,
  id: "TDX",
  tdxModule: { mrsigner: "00".repeat(48), attributes: "00".repeat(8), attributesMask: "ff".repeat(8) },
  tdxModuleIdentities: [
    {
      id: "TDX_01",
      mrsigner: "00".repeat(48),
      attributes: "00".repeat(8),
      attributesMask: "ff".repeat(8),
      tcbLevels: [
        { tcb: { isvsvn: 4 }, tcbDate: "2024-03-13T00:00:00Z", tcbStatus: "UpToDate" },
        { tcb: { isvsvn: 2 }, tcbDate: "2023-08-09T00:00:00Z", tcbStatus: "OutOfDate" },
      ],
    },
  ],
  tcbLevels: [
    {
      tcb: { sgxtcbcomponents: svns(COMPONENTS), pcesvn: 13, tdxtcbcomponents: svns([5, 0, 7]) },
      tcbDate: "2024-03-13T00:00:00Z",
      tcbStatus: "UpToDate",
    },
  ],
};

/** Fields of an SGX report. */
export interface SgxFields {
  readonly flags?: bigint;
  readonly mrEnclave?: Uint8Array;
  readonly mrSigner?: Uint8Array;
  readonly productId?: number;
  readonly securityVersion?: number;
  readonly miscSelect?: number;
  readonly reportData?: Uint8Array;
}

export function sgxReport(fields: SgxFields = {}): Uint8Array {
  const out = new Uint8Array(384);
  out.set(u32le(fields.miscSelect ?? 0), 16);
  out.set(u64le(fields.flags ?? 5n), 48);
  out.set(u64le(3n), 56);
  out.set(fields.mrEnclave ?? new Uint8Array(32).fill(0xee), 64);
  out.set(fields.mrSigner ?? new Uint8Array(32).fill(0x55), 128);
  out.set(u16le(fields.productId ?? 0), 256);
  out.set(u16le(fields.securityVersion ?? 0), 258);
  out.set(fields.reportData ?? new Uint8Array(64).fill(0xda), 320);
  return out;
}

export interface TdFields {
  readonly teeTcbSvn?: readonly number[];
  readonly attributes?: bigint;
  readonly mrSeam?: Uint8Array;
  readonly mrSignerSeam?: Uint8Array;
}

export function tdReport(fields: TdFields = {}): Uint8Array {
  const out = new Uint8Array(584);
  out.set(fields.teeTcbSvn ?? [5, 1, 7], 0);
  out.set(fields.mrSeam ?? new Uint8Array(48).fill(0x5e), 16);
  out.set(fields.mrSignerSeam ?? new Uint8Array(48), 64);
  out.set(u64le(fields.attributes ?? 1n << 28n), 120);
  out.fill(0xda, 520);
  return out;
}

/** What differs from a good piece of evidence. */
export interface Evidence {
  readonly version?: 3 | 4;
  readonly tdx?: boolean;
  readonly report?: Uint8Array;
  readonly header?: (header: Uint8Array) => void;
  readonly qeFields?: SgxFields;
  readonly qeSigner?: Key;
  readonly authenticationData?: Uint8Array;
  readonly certificationKind?: number;
  readonly chain?: Uint8Array;
  readonly attestationKey?: Key;
  readonly quoteSigner?: Key;
  readonly qeIdentity?: Json | string;
  readonly tcbInfo?: Json | string;
  readonly collateralSigner?: Key;
  readonly certs?: Uint8Array;
  readonly after?: Uint8Array;
}

export const platformChain = (): Uint8Array =>
  pem(certificate(CERTIFICATES.platform), certificate(CERTIFICATES.authority), certificate(CERTIFICATES.root));
export const collateralChain = (): Uint8Array =>
  pem(certificate(CERTIFICATES.collateral), certificate(CERTIFICATES.root));

function quoteHeader(e: Evidence): Uint8Array {
  const out = new Uint8Array(48);
  const version = e.version ?? (e.tdx === true ? 4 : 3);
  out.set(u16le(version), 0);
  out.set(u16le(2), 2);
  if (e.tdx === true) out.set(u32le(0x81), 4);
  out.set(fromHex("939a7233f79c4ca9940a0db3957f0607"), 12);
  e.header?.(out);
  return out;
}

/** A quote; good unless told otherwise. */
export function makeQuote(e: Evidence = {}): Uint8Array {
  const header = quoteHeader(e);
  const report = e.report ?? (e.tdx === true ? tdReport() : sgxReport());
  const key = e.attestationKey ?? ATTESTATION;
  const authenticationData = e.authenticationData ?? new Uint8Array(32).fill(0xaa);
  const binding = concatBytes(sha256(concatBytes(key.point, authenticationData)), new Uint8Array(32));
  const qe = { flags: 0x15n, mrSigner: fromHex(QE_SIGNER), productId: 1, securityVersion: 8, reportData: binding };
  const qeReport = sgxReport({ ...qe, ...e.qeFields });
  const chain = e.chain ?? platformChain();
  const certification = concatBytes(
    qeReport,
    signRaw(e.qeSigner ?? PLATFORM, qeReport),
    u16le(authenticationData.length),
    authenticationData,
    u16le(e.certificationKind ?? 5),
    u32le(chain.length),
    chain,
  );
  const wrapped = header[0] === 4 ? concatBytes(u16le(6), u32le(certification.length), certification) : certification;
  const signature = signRaw(e.quoteSigner ?? key, concatBytes(header, report));
  const signed = concatBytes(signature, key.point, wrapped);
  return concatBytes(header, report, u32le(signed.length), signed, e.after ?? new Uint8Array(0));
}

const jsonOf = (document: Json | string): Uint8Array =>
  utf8(typeof document === "string" ? document : JSON.stringify(document));

/** A quote with its collateral; good unless told otherwise. */
export function makeBundle(e: Evidence = {}): PcsQuoteBundle {
  const signer = e.collateralSigner ?? COLLATERAL;
  const identity = jsonOf(e.qeIdentity ?? (e.tdx === true ? TDX_QE_IDENTITY : QE_IDENTITY));
  const info = jsonOf(e.tcbInfo ?? (e.tdx === true ? TDX_TCB_INFO : TCB_INFO));
  return {
    quote: makeQuote(e),
    tcb: {
      tcbInfo: { tcbInfo: info, signature: toHex(signRaw(signer, info)) },
      qeId: { enclaveIdentity: identity, signature: toHex(signRaw(signer, identity)) },
      certs: e.certs ?? collateralChain(),
    },
  };
}
