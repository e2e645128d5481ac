/**
 * X.509 certificates of the kinds that the vendor of trusted hardware issues: version 3, P-256 or RSA keys, SHA-256.
 *
 * What is signed was written by the vendor, so anything unusual there is refused. What is *not* signed (the outer frame
 * and the form of the signature) is in the hands of whoever submits the evidence; there the reference's reading is
 * followed to the bit: what comes after the signature is ignored, and its bits may end inside a byte.
 */
import { p256Verify, rsaSha256Verify } from "#kernels";
import { concatBytes, equalBytes, fromUtf8, utf8 } from "../bytes.js";
import { DecodeError } from "../errors/index.js";
import type { Timestamp } from "../schema/index.js";
import {
  DER_BOOLEAN,
  DER_INTEGER,
  DER_OCTET_STRING,
  DER_PRINTABLE_STRING,
  DER_SEQUENCE,
  DER_SET,
  DER_UTF8_STRING,
  DerReader,
} from "./der.js";
import { readCertificateTime } from "./evidence-time.js";
import { latin1, nextPemBlock } from "./pem-blocks.js";

const VERSION_3 = 2;
const P256_FIELD = 32;
const UNCOMPRESSED_POINT = 4;
/** RSA moduli in bytes and exponents: wider than any in use, and bounded in cost. */
const RSA_MODULUS_MIN = 128;
const RSA_MODULUS_MAX = 512;
const RSA_EXPONENT_MAX = 0x7fffffff;
const PATH_LENGTH_MAX = 255;

// Contents of object identifiers in hexadecimal.
const OID_ECDSA_SHA256 = "2a8648ce3d040302";
const OID_RSA_SHA256 = "2a864886f70d01010b";
const OID_EC_KEY = "2a8648ce3d0201";
const OID_P256 = "2a8648ce3d030107";
const OID_RSA_KEY = "2a864886f70d010101";
const OID_KEY_USAGE = "551d0f";
const OID_BASIC_CONSTRAINTS = "551d13";
const OID_EXTENDED_KEY_USAGE = "551d25";
const OID_SERVER_AUTH = "2b06010505070301";
const OID_ANY_USAGE = "551d2500";
/** Extensions that would narrow what a certificate is good for and that none of these certificates has. */
const OIDS_REFUSED = ["551d1e", "551d21", "551d24", "551d36"];

const DER_VERSION = 0xa0;
const DER_EXTENSIONS = 0xa3;
/** Bit 5 of the key usage: may sign certificates. */
const CERT_SIGN = 0x04;
/** Characters of a printable string, with two that are not but occur. */
const PRINTABLE = /^[A-Za-z0-9'()+,\-./ :=?*&]*$/;
const PEM_CERTIFICATE = "CERTIFICATE";

/** A public key: a point on P-256 (x and y, 64 bytes), or an RSA modulus (big-endian) with its exponent. */
export type CertificateKey =
  | { readonly kind: "p256"; readonly point: Uint8Array }
  | { readonly kind: "rsa"; readonly modulus: Uint8Array; readonly exponent: number };

interface Extension {
  /** Contents of the object identifier in hexadecimal. */
  readonly id: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** What the extensions say about the use of a certificate. */
interface Usage {
  /** Whether there are basic constraints, and whether they allow it to issue certificates. */
  readonly isAuthority: boolean;
  /** Most intermediates below it; undefined without a limit. */
  readonly pathLength: number | undefined;
  readonly maySignCertificates: boolean;
  /** Whether chains through it may serve the reference's default purpose. */
  readonly fitsPurpose: boolean;
}

export interface Certificate {
  readonly raw: Uint8Array;
  readonly signed: Uint8Array;
  readonly signatureKind: CertificateKey["kind"];
  readonly signature: Uint8Array;
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly notBefore: Timestamp;
  readonly notAfter: Timestamp;
  readonly key: CertificateKey;
  readonly usage: Usage;
  readonly extensions: readonly Extension[];
}

/** The bytes of a name; its parts are text of the two kinds in use. */
function readName(reader: DerReader): Uint8Array {
  const { whole, contents } = reader.element(DER_SEQUENCE);
  const parts = new DerReader(contents);
  while (!parts.isEmpty) {
    const set = parts.enter(DER_SET);
    while (!set.isEmpty) {
      const attribute = set.enter();
      attribute.readOid();
      const { tag, contents: value } = attribute.readAny();
      const ok = tag === DER_PRINTABLE_STRING ? PRINTABLE.test(latin1(value)) : tag === DER_UTF8_STRING;
      if (!ok) throw new DecodeError("certificate: malformed name");
      fromUtf8(value);
    }
  }
  return whole;
}

function readSignatureKind(identifier: Uint8Array): CertificateKey["kind"] {
  const oid = new DerReader(identifier).readOid();
  if (oid === OID_ECDSA_SHA256) return "p256";
  if (oid === OID_RSA_SHA256) return "rsa";
  throw new DecodeError("certificate: signature algorithm not supported");
}

function readKey(info: DerReader): CertificateKey {
  const algorithm = info.enter();
  const oid = algorithm.readOid();
  const bits = info.readAlignedBits();
  if (oid === OID_EC_KEY && algorithm.readOid() === OID_P256) {
    if (bits.length !== 1 + 2 * P256_FIELD || bits[0] !== UNCOMPRESSED_POINT) {
      throw new DecodeError("certificate: malformed P-256 key");
    }
    return { kind: "p256", point: bits.subarray(1) };
  }
  if (oid !== OID_RSA_KEY) throw new DecodeError("certificate: key algorithm not supported");
  const numbers = new DerReader(bits).enter();
  const modulus = numbers.readUnsigned();
  if (modulus.length < RSA_MODULUS_MIN || modulus.length > RSA_MODULUS_MAX) {
    throw new DecodeError(`certificate: RSA modulus of ${modulus.length} bytes`);
  }
  return { kind: "rsa", modulus, exponent: numbers.readSmall(RSA_EXPONENT_MAX) };
}

function readExtensions(rest: DerReader): Extension[] {
  const out: Extension[] = [];
  const seen = new Set<string>();
  const list = new DerReader(rest.read(DER_EXTENSIONS)).enter();
  while (!list.isEmpty) {
    const extension = list.enter();
    const id = extension.readOid();
    if (seen.has(id)) throw new DecodeError("certificate: extension repeated");
    seen.add(id);
    const critical = extension.isNext(DER_BOOLEAN) && extension.readBoolean();
    out.push({ id, critical, value: extension.read(DER_OCTET_STRING) });
  }
  return out;
}

function readPurposes(value: Uint8Array): boolean {
  const purposes = new DerReader(value).enter();
  let fits = purposes.isEmpty;
  while (!purposes.isEmpty) {
    const oid = purposes.readOid();
    if (oid === OID_SERVER_AUTH || oid === OID_ANY_USAGE) fits = true;
  }
  return fits;
}

function usageFrom(extensions: readonly Extension[]): Usage {
  let usage: Usage = { isAuthority: false, pathLength: undefined, maySignCertificates: true, fitsPurpose: true };
  for (const { id, critical, value } of extensions) {
    if (OIDS_REFUSED.includes(id)) throw new DecodeError("certificate: extension not supported");
    if (id === OID_KEY_USAGE) {
      const { bytes } = new DerReader(value).readBitString();
      const restricted = bytes.some((byte) => byte !== 0);
      usage = { ...usage, maySignCertificates: !restricted || ((bytes[0] ?? 0) & CERT_SIGN) !== 0 };
    } else if (id === OID_BASIC_CONSTRAINTS) {
      const constraints = new DerReader(value).enter();
      const isAuthority = constraints.isNext(DER_BOOLEAN) && constraints.readBoolean();
      const pathLength = constraints.isNext(DER_INTEGER) ? constraints.readSmall(PATH_LENGTH_MAX) : undefined;
      usage = { ...usage, isAuthority, pathLength };
    } else if (id === OID_EXTENDED_KEY_USAGE) {
      usage = { ...usage, fitsPurpose: readPurposes(value) };
    } else if (critical) {
      throw new DecodeError("certificate: critical extension not supported");
    }
  }
  return usage;
}

/**
 * Reads one certificate. There is no limit but that of the evidence it comes in: the reference has none, and what
 * follows the signature could make an accepted certificate as long as one likes. Reading takes linear time.
 * @param der all bytes must belong to the certificate
 * @throws DecodeError
 */
export function parseCertificate(der: Uint8Array): Certificate {
  const file = new DerReader(der);
  const outer = file.enter();
  if (!file.isEmpty) throw new DecodeError("certificate: trailing bytes");
  const signed = outer.element(DER_SEQUENCE);
  const tbs = new DerReader(signed.contents);
  const version = tbs.readOptional(DER_VERSION);
  if (version === undefined || new DerReader(version).readSmall(VERSION_3) !== VERSION_3) {
    throw new DecodeError("certificate: version other than 3");
  }
  tbs.readUnsigned(); // Serial number.
  const algorithm = tbs.read(DER_SEQUENCE);
  if (!equalBytes(outer.read(DER_SEQUENCE), algorithm)) {
    throw new DecodeError("certificate: signature algorithms differ");
  }
  const issuer = readName(tbs);
  const validity = tbs.enter();
  const [notBefore, notAfter] = [readCertificateTime(validity), readCertificateTime(validity)];
  const subject = readName(tbs);
  const key = readKey(tbs.enter());
  const extensions = tbs.isNext(DER_EXTENSIONS) ? readExtensions(tbs) : [];
  const signature = outer.readAlignedBits();
  const signatureKind = readSignatureKind(algorithm);
  const usage = usageFrom(extensions);
  const names = { issuer, subject, notBefore, notAfter };
  return { raw: der, signed: signed.whole, signatureKind, signature, ...names, key, usage, extensions };
}

/** The value of an extension by the contents of its object identifier in hexadecimal. */
export function extensionOf(certificate: Certificate, id: string): Uint8Array | undefined {
  return certificate.extensions.find((extension) => extension.id === id)?.value;
}

/** A DER signature as r and s of 32 bytes each; undefined when it is none, or its numbers are too large for P-256. */
function p256Signature(der: Uint8Array): Uint8Array | undefined {
  try {
    const file = new DerReader(der);
    const numbers = file.enter();
    const [r, s] = [numbers.readUnsigned(), numbers.readUnsigned()];
    if (!file.isEmpty || !numbers.isEmpty || r.length > P256_FIELD || s.length > P256_FIELD) return undefined;
    const padded = [r, s].map((n) => concatBytes(new Uint8Array(P256_FIELD - n.length), n));
    return concatBytes(...padded);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** Whether the key signed a message, hashed with SHA-256; the signature is DER for P-256, PKCS #1 v1.5 for RSA. */
export function isSignedWith(key: CertificateKey, message: Uint8Array, signature: Uint8Array): boolean {
  if (key.kind === "rsa") return rsaSha256Verify(key.modulus, key.exponent, message, signature);
  const numbers = p256Signature(signature);
  return numbers !== undefined && p256Verify(key.point, message, numbers);
}

/**
 * Reads up to `max` certificates from PEM text, as the reference does: text between blocks is skipped, a block of
 * another type is an error. What follows the last of them is not looked at.
 * @throws DecodeError
 */
export function parseCertificates(pem: Uint8Array, max: number): Certificate[] {
  const text = latin1(pem);
  const out: Certificate[] = [];
  let at = 0;
  while (out.length < max) {
    const block = nextPemBlock(text, at);
    if (block === undefined) break;
    if (block.type !== PEM_CERTIFICATE) throw new DecodeError("PEM block that is no certificate");
    out.push(parseCertificate(block.bytes));
    at = block.end;
  }
  return out;
}

/** The single certificate of a PEM text that is part of this program. */
export function pinnedCertificate(pem: string): Certificate {
  return parseCertificates(utf8(pem), 1)[0] as Certificate;
}
