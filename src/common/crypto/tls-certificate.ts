/**
 * The certificates with which nodes meet over TLS (common: TLS): self-signed Ed25519, all of one template. There are no
 * authorities; a peer is known by its key alone, so everything else must be as the template has it.
 */
import { type Ed25519Key, ed25519Accepts } from "#kernels";
import { concatBytes, equalBytes, fromHex, toHex, utf8 } from "../bytes.js";
import { DecodeError } from "../errors/index.js";
import {
  DER_BIT_STRING,
  DER_BOOLEAN,
  DER_GENERALIZED_TIME,
  DER_INTEGER,
  DER_OBJECT_IDENTIFIER,
  DER_OCTET_STRING,
  DER_PRINTABLE_STRING,
  DER_SEQUENCE,
  DER_SET,
  DER_UTC_TIME,
  DerReader,
} from "../tee/der.js";
import { readCertificateTime } from "../tee/evidence-time.js";
import { latin1 } from "../tee/pem-blocks.js";
import { PUBLIC_KEY_SIZE, SIGNATURE_SIZE } from "./ed25519.js";

/** The common name in the certificate of every node. */
export const TLS_COMMON_NAME = "oasis-node";
/** Longest certificate of a peer that is looked at, in bytes; those of the template have about 300. */
const CERTIFICATE_MAX = 16_384;

const HOUR_MS = 3_600_000;
const DER_VERSION = 0xa0;
const DER_EXTENSIONS = 0xa3;
/** Tags 1 and 2 of a certificate body: identifiers that the template has not. */
const DER_UNIQUE_IDS = [0x81, 0x82];

// Contents of object identifiers in hexadecimal.
const OID_ED25519 = "2b6570";
const OID_COMMON_NAME = "550403";
const OID_KEY_USAGE = "551d0f";
const OID_BASIC_CONSTRAINTS = "551d13";
const OID_EXTENDED_KEY_USAGE = "551d25";
const OID_SERVER_AUTH = "2b06010505070301";
const OID_CLIENT_AUTH = "2b06010505070302";

/** digitalSignature, keyEncipherment and keyCertSign: bits 0, 2 and 5, with two unused bits at the end. */
const KEY_USAGE = fromHex("030202a4");
/** The order is part of the template. */
const EXTENDED_USAGE = [OID_SERVER_AUTH, OID_CLIENT_AUTH];

/** Why a peer is not let in. */
export class CertificateRefused extends Error {
  override readonly name = "CertificateRefused";
}

function refuse(reason: string): never {
  throw new CertificateRefused(`certificate: ${reason}`);
}

function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const contents = concatBytes(...parts);
  const n = contents.length;
  const length = n < 0x80 ? [n] : n < 0x100 ? [0x81, n] : [0x82, n >> 8, n & 255];
  return concatBytes(Uint8Array.of(tag, ...length), contents);
}

function oid(contents: string): Uint8Array {
  return der(DER_OBJECT_IDENTIFIER, fromHex(contents));
}

/** Two digits of the year until 2049, four afterwards. */
function derTime(ms: number): Uint8Array {
  const digits = `${new Date(ms).toISOString().slice(0, 19).replace(/[-T:]/g, "")}Z`;
  return digits < "2050" ? der(DER_UTC_TIME, utf8(digits.slice(2))) : der(DER_GENERALIZED_TIME, utf8(digits));
}

function derName(commonName: string): Uint8Array {
  const attribute = der(DER_SEQUENCE, oid(OID_COMMON_NAME), der(DER_PRINTABLE_STRING, utf8(commonName)));
  return der(DER_SEQUENCE, der(DER_SET, attribute));
}

const ALGORITHM = der(DER_SEQUENCE, oid(OID_ED25519));

function derBits(bytes: Uint8Array): Uint8Array {
  return der(DER_BIT_STRING, Uint8Array.of(0), bytes);
}

/**
 * Makes the certificate of a key: valid from an hour ago until in a year.
 *
 * @param key the TLS key of the node
 * @param nowMs milliseconds since 1970
 * @returns DER
 */
export function makeTlsCertificate(key: Ed25519Key, nowMs: number, commonName = TLS_COMMON_NAME): Uint8Array {
  const end = new Date(nowMs);
  end.setUTCFullYear(end.getUTCFullYear() + 1);
  const name = derName(commonName);
  const usage = der(
    DER_SEQUENCE,
    oid(OID_KEY_USAGE),
    der(DER_BOOLEAN, Uint8Array.of(0xff)),
    der(DER_OCTET_STRING, KEY_USAGE),
  );
  const purposes = der(DER_SEQUENCE, ...EXTENDED_USAGE.map(oid));
  const extended = der(DER_SEQUENCE, oid(OID_EXTENDED_KEY_USAGE), der(DER_OCTET_STRING, purposes));
  const body = der(
    DER_SEQUENCE,
    der(DER_VERSION, der(DER_INTEGER, Uint8Array.of(2))),
    der(DER_INTEGER, Uint8Array.of(1)),
    ALGORITHM,
    name,
    der(DER_SEQUENCE, derTime(nowMs - HOUR_MS), derTime(end.getTime())),
    name,
    der(DER_SEQUENCE, ALGORITHM, derBits(key.publicKey)),
    der(DER_EXTENSIONS, der(DER_SEQUENCE, usage, extended)),
  );
  return der(DER_SEQUENCE, body, ALGORITHM, derBits(key.sign(body)));
}

/** What is expected of a peer's certificate. */
export interface PeerExpectation {
  /** Keys (32 bytes each) of which the peer must have one; undefined admits any key. */
  readonly keys?: readonly Uint8Array[] | undefined;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  readonly commonName?: string | undefined;
  /** Whether a peer without a certificate is let in: whoever admits it decides about each of its calls. */
  readonly mayBeAbsent?: boolean | undefined;
}

/**
 * Checks what a peer showed in the handshake, at either end. The handshake itself proves that it holds the key.
 *
 * @param chain the certificates of the peer in DER
 * @returns the peer's public key, or undefined when it showed no certificate and need not
 * @throws CertificateRefused with the reason
 */
export function checkPeerCertificate(chain: readonly Uint8Array[], expected: PeerExpectation): Uint8Array | undefined {
  const [certificate, ...more] = chain;
  if (certificate === undefined && expected.mayBeAbsent === true) return undefined;
  if (certificate === undefined || more.length > 0) refuse(`there are ${chain.length}, must be exactly one`);
  if (certificate.length > CERTIFICATE_MAX) refuse(`${certificate.length} bytes, limit ${CERTIFICATE_MAX}`);
  try {
    return check(certificate, expected);
  } catch (error) {
    if (error instanceof DecodeError) refuse(error.message);
    throw error;
  }
}

function check(certificate: Uint8Array, expected: PeerExpectation): Uint8Array {
  const outer = new DerReader(certificate);
  const frame = outer.enter();
  if (!outer.isEmpty) refuse("bytes after its end");
  const { whole, contents } = frame.element(DER_SEQUENCE);
  const algorithm = frame.element(DER_SEQUENCE).whole;
  const signature = frame.readBitString();
  const body = new DerReader(contents);
  if (body.enter(DER_VERSION).readSmall(255) !== 2) refuse("not of version 3");
  const serial = toHex(body.readUnsigned());
  if (!equalBytes(body.element(DER_SEQUENCE).whole, algorithm)) refuse("two signature algorithms");
  body.read(DER_SEQUENCE);
  const term = body.enter();
  const [notBefore, notAfter] = [readTime(term), readTime(term)];
  const commonName = readCommonName(body.enter());
  const key = readKey(body.enter());
  if (!equalBytes(algorithm, ALGORITHM)) refuse("signature algorithm is not Ed25519");
  if (expected.keys !== undefined && !expected.keys.some((known) => equalBytes(known, key))) refuse("unknown key");
  const wanted = expected.commonName ?? TLS_COMMON_NAME;
  if (commonName !== wanted) refuse(`common name is not "${wanted}"`);
  if (serial !== "01") refuse("serial number is not 1");
  for (const tag of DER_UNIQUE_IDS) body.readOptional(tag);
  checkExtensions(body);
  if (expected.nowMs < notBefore) refuse("not valid yet");
  if (expected.nowMs > notAfter) refuse("expired");
  const valid =
    signature.unused === 0 &&
    signature.bytes.length === SIGNATURE_SIZE &&
    ed25519Accepts(key, whole, new Uint8Array(signature.bytes));
  if (!valid) refuse("signature does not verify");
  return key;
}

function readTime(term: DerReader): number {
  return Number(readCertificateTime(term).seconds) * 1000;
}

/** The last common name counts, as in the reference. */
function readCommonName(name: DerReader): string {
  let found = "";
  while (!name.isEmpty) {
    const set = name.enter(DER_SET);
    while (!set.isEmpty) {
      const attribute = set.enter();
      const id = toHex(attribute.read(DER_OBJECT_IDENTIFIER));
      const value = attribute.readAny();
      if (id === OID_COMMON_NAME) found = latin1(value.contents);
    }
  }
  return found;
}

function readKey(info: DerReader): Uint8Array {
  if (!equalBytes(info.element(DER_SEQUENCE).whole, ALGORITHM)) refuse("key is not Ed25519");
  const { bytes, unused } = info.readBitString();
  if (unused !== 0 || bytes.length !== PUBLIC_KEY_SIZE) refuse("key is not Ed25519");
  return new Uint8Array(bytes);
}

function checkExtensions(body: DerReader): void {
  const found = new Map<string, Uint8Array>();
  const list = body.isEmpty ? undefined : body.enter(DER_EXTENSIONS).enter();
  while (list !== undefined && !list.isEmpty) {
    const extension = list.enter();
    const id = toHex(extension.read(DER_OBJECT_IDENTIFIER));
    const critical = extension.isNext(DER_BOOLEAN) && extension.readBoolean();
    if (found.has(id)) refuse("repeated extension");
    const known = id === OID_KEY_USAGE || id === OID_EXTENDED_KEY_USAGE || id === OID_BASIC_CONSTRAINTS;
    if (critical && !known) refuse("unknown critical extension");
    found.set(id, extension.read(DER_OCTET_STRING));
  }
  const usage = found.get(OID_KEY_USAGE);
  if (usage === undefined || !equalBytes(usage, KEY_USAGE)) refuse("key usage differs from the template");
  const purposes = readPurposes(found.get(OID_EXTENDED_KEY_USAGE));
  if (purposes !== EXTENDED_USAGE.join()) refuse("extended key usage differs from the template");
}

function readPurposes(value: Uint8Array | undefined): string {
  const purposes: string[] = [];
  const list = value === undefined ? undefined : new DerReader(value).enter();
  while (list !== undefined && !list.isEmpty) purposes.push(toHex(list.read(DER_OBJECT_IDENTIFIER)));
  return purposes.join();
}
