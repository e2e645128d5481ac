/** SIGSTRUCT: how a signer names an enclave to the processor (runtime: SGX start), read and verified. */
import { rsaSha256Verify, sha256 } from "#kernels";
import { concatBytes, readU16le, readU32le, readU64le, toHex } from "../bytes.js";
import { demand, readEvidence } from "./evidence-rejected.js";
import { parseEvidenceTime } from "./evidence-time.js";

export const SIGSTRUCT_SIZE = 1808;
/** RSA-3072, in bytes. */
export const MODULUS_SIZE = 384;
export const EXPONENT = 3;
/** Offsets of the fields, which are little-endian. */
export const AT = {
  date: 20,
  modulus: 128,
  exponent: 512,
  signature: 516,
  misc: 900,
  attributes: 928,
  hash: 960,
  product: 1024,
  q1: 1040,
  q2: 1424,
} as const;

/** What a SIGSTRUCT says about an enclave. */
export interface EnclaveDescription {
  /** "2016-01-09". */
  readonly buildDate: string;
  readonly miscSelect: number;
  readonly miscSelectMask: number;
  /** Attribute flags and extended-feature mask, and which of their bits count. */
  readonly flags: bigint;
  readonly xfrm: bigint;
  readonly flagsMask: bigint;
  readonly xfrmMask: bigint;
  readonly mrEnclave: Uint8Array;
  readonly productId: number;
  readonly securityVersion: number;
}

/** A verified SIGSTRUCT. */
export interface Sigstruct extends EnclaveDescription {
  /** SHA-256 of the signer's modulus in little-endian order. */
  readonly mrSigner: Uint8Array;
}

function bigEndian(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.slice(at, at + MODULUS_SIZE).reverse();
}

function asInteger(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes)}`);
}

/** Two quotients that spare the processor a division. @param modulus and signature big-endian */
export function quotientsOf(modulus: Uint8Array, signature: Uint8Array): readonly [q1: bigint, q2: bigint] {
  const [n, s] = [asInteger(modulus), asInteger(signature)];
  const square = s * s;
  const q1 = square / n;
  return [q1, (square * s - q1 * s * n) / n];
}

function checkQuotients(bytes: Uint8Array, modulus: Uint8Array, signature: Uint8Array): void {
  const [q1, q2] = quotientsOf(modulus, signature);
  demand(asInteger(bigEndian(bytes, AT.q1)) === q1, "SIGSTRUCT: first quotient is wrong");
  demand(asInteger(bigEndian(bytes, AT.q2)) === q2, "SIGSTRUCT: second quotient is wrong");
}

/** The date is written in decimal digits, two per byte, year first when read as one number. */
function readDate(bytes: Uint8Array): string {
  const digits = readU32le(bytes, AT.date).toString(16).padStart(8, "0");
  const date = `${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}`;
  readEvidence("SIGSTRUCT: date", () => parseEvidenceTime(`${date}T00:00:00Z`, "Z"));
  return date;
}

/** The 32 bytes that the signer signs, from the whole structure. */
export function sigstructHash(bytes: Uint8Array): Uint8Array {
  return sha256(signedPart(bytes));
}

/** The bytes of the whole structure that the signature is over. */
export function signedPart(bytes: Uint8Array): Uint8Array {
  return concatBytes(bytes.subarray(0, AT.modulus), bytes.subarray(AT.misc, AT.product + 4));
}

/**
 * Verifies a SIGSTRUCT of 1,808 bytes, signed with RSA-3072 and exponent 3.
 * @throws EvidenceRejected
 */
export function verifySigstruct(bytes: Uint8Array): Sigstruct {
  demand(bytes.length === SIGSTRUCT_SIZE, `SIGSTRUCT of ${bytes.length} bytes instead of ${SIGSTRUCT_SIZE}`);
  const modulus = bigEndian(bytes, AT.modulus);
  demand((modulus[0] as number) >= 0x80, "SIGSTRUCT: modulus of fewer than 3072 bits");
  demand(readU32le(bytes, AT.exponent) === EXPONENT, "SIGSTRUCT: exponent other than 3");
  const signature = bigEndian(bytes, AT.signature);
  const signed = rsaSha256Verify(modulus, EXPONENT, signedPart(bytes), signature);
  demand(signed, "SIGSTRUCT: signature does not verify");
  checkQuotients(bytes, modulus, signature);
  return {
    buildDate: readDate(bytes),
    miscSelect: readU32le(bytes, AT.misc),
    miscSelectMask: readU32le(bytes, AT.misc + 4),
    flags: readU64le(bytes, AT.attributes),
    xfrm: readU64le(bytes, AT.attributes + 8),
    flagsMask: readU64le(bytes, AT.attributes + 16),
    xfrmMask: readU64le(bytes, AT.attributes + 24),
    mrEnclave: bytes.slice(AT.hash, AT.hash + 32),
    mrSigner: sha256(bytes.subarray(AT.modulus, AT.modulus + MODULUS_SIZE)),
    productId: readU16le(bytes, AT.product),
    securityVersion: readU16le(bytes, AT.product + 2),
  };
}
