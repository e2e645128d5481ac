/** SIGSTRUCT: made for an enclave, to be signed by whoever has the key (runtime: SGX start). */
import { fromHex, u16le, u32le, u64le } from "../bytes.js";
import { InvalidInput } from "../errors/index.js";
import {
  AT,
  type EnclaveDescription,
  EXPONENT,
  MODULUS_SIZE,
  quotientsOf,
  signedPart,
  SIGSTRUCT_SIZE,
  verifySigstruct,
} from "./sigstruct.js";

const HEADER = fromHex("06000000e10000000000010000000000");
const AT_HEADER2 = 24;
const HEADER2 = fromHex("01010000600000006000000001000000");
const MEASUREMENT_SIZE = 32;
const U64_MAX = (1n << 64n) - 1n;
const FLAG_DEBUG = 0x2n;
const FLAG_64_BIT = 0x4n;
/** x87 and SSE, without which no enclave runs. */
const XFRM_BASE = 0x3n;
/** Extended features that a processor may switch on beside: AVX and AVX-512. */
const XFRM_FREE = 0xe4n;

/**
 * What signers say of an enclave unless they have reasons: 64 bits; of the extended features those that every processor
 * has, more allowed; debugging left to whoever starts it, unless the enclave is for debugging only.
 *
 * @param debug whether it must be started for debugging
 */
export function usualDescription(
  mrEnclave: Uint8Array,
  { buildDate, debug }: { readonly buildDate: string; readonly debug: boolean },
): EnclaveDescription {
  return {
    buildDate,
    miscSelect: 0,
    miscSelectMask: 0xffffffff,
    flags: debug ? FLAG_DEBUG | FLAG_64_BIT : FLAG_64_BIT,
    xfrm: XFRM_BASE,
    flagsMask: debug ? U64_MAX : U64_MAX ^ FLAG_DEBUG,
    xfrmMask: U64_MAX ^ XFRM_FREE,
    mrEnclave,
    productId: 0,
    securityVersion: 0,
  };
}

/** A SIGSTRUCT that nobody has signed. @throws InvalidInput for a date or a measurement that is none */
function unsignedSigstruct(enclave: EnclaveDescription): Uint8Array {
  const digits = enclave.buildDate.replaceAll("-", "");
  if (!/^\d{8}$/.test(digits)) throw new InvalidInput("build date", `expected YYYY-MM-DD, got "${enclave.buildDate}"`);
  if (enclave.mrEnclave.length !== MEASUREMENT_SIZE) {
    throw new InvalidInput(
      "enclave",
      `measurement of ${enclave.mrEnclave.length} bytes instead of ${MEASUREMENT_SIZE}`,
    );
  }
  const out = new Uint8Array(SIGSTRUCT_SIZE);
  const put = (at: number, bytes: Uint8Array): void => out.set(bytes, at);
  put(0, HEADER);
  put(AT.date, fromHex(digits).reverse());
  put(AT_HEADER2, HEADER2);
  put(AT.misc, u32le(enclave.miscSelect));
  put(AT.misc + 4, u32le(enclave.miscSelectMask));
  put(AT.attributes, u64le(enclave.flags));
  put(AT.attributes + 8, u64le(enclave.xfrm));
  put(AT.attributes + 16, u64le(enclave.flagsMask));
  put(AT.attributes + 24, u64le(enclave.xfrmMask));
  put(AT.hash, enclave.mrEnclave);
  put(AT.product, u16le(enclave.productId));
  put(AT.product + 2, u16le(enclave.securityVersion));
  return out;
}

/** Somebody who has an RSA-3072 key with exponent 3. */
export interface EnclaveSigner {
  /** 384 bytes, big-endian. */
  readonly modulus: Uint8Array;
  /** Signs with SHA-256 (PKCS #1 version 1.5); 384 bytes, big-endian. */
  sign(message: Uint8Array): Uint8Array;
}

function littleEndian(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(2 * MODULUS_SIZE, "0")).reverse();
}

/**
 * Describes an enclave to the processor, signed. The same description and key make the same bytes.
 *
 * @throws InvalidInput for a description that is none
 * @throws EvidenceRejected when the signer's signature is not that of its key
 */
export function signSigstruct(enclave: EnclaveDescription, signer: EnclaveSigner): Uint8Array {
  const out = unsignedSigstruct(enclave);
  const signature = signer.sign(signedPart(out));
  const [q1, q2] = quotientsOf(signer.modulus, signature);
  out.set(signer.modulus.slice().reverse(), AT.modulus);
  out.set(u32le(EXPONENT), AT.exponent);
  out.set(signature.slice().reverse(), AT.signature);
  out.set(littleEndian(q1), AT.q1);
  out.set(littleEndian(q2), AT.q2);
  verifySigstruct(out);
  return out;
}
