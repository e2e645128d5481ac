/** RSA signatures (PKCS #1 v1.5 with SHA-256) in big integers, for places without OpenSSL. */
import { concatBytes, equalBytes, fromHex, toHex } from "../bytes.js";

/** DER in front of a SHA-256 digest (RFC 8017 section 9.2). */
const DIGEST_INFO = fromHex("3031300d060960864801650304020105000420");
/** At least so many bytes of padding belong between the frame and the digest. */
const PADDING_MIN = 8;

function power(base: bigint, exponent: number, modulus: bigint): bigint {
  let result = 1n;
  for (let bit = 1 << 30; bit > 0; bit >>>= 1) {
    result = (result * result) % modulus;
    if ((exponent & bit) !== 0) result = (result * base) % modulus;
  }
  return result;
}

/**
 * Whether a signature over a digest holds. The encoded message is made and compared, never parsed.
 *
 * @param digest SHA-256, 32 bytes
 * @param modulus odd, big-endian, without leading zeros
 * @param exponent odd, 3..2^31-1
 */
export function rsaSha256VerifyWith(
  digest: Uint8Array,
  modulus: Uint8Array,
  exponent: number,
  signature: Uint8Array,
): boolean {
  const size = modulus.length;
  const padding = size - 3 - DIGEST_INFO.length - digest.length;
  if (padding < PADDING_MIN || signature.length !== size || exponent < 3 || exponent % 2 === 0) return false;
  const n = BigInt(`0x${toHex(modulus)}`);
  const s = BigInt(`0x${toHex(signature)}`);
  if (n % 2n === 0n || s >= n) return false;
  const opened = fromHex(
    power(s, exponent, n)
      .toString(16)
      .padStart(2 * size, "0"),
  );
  const filler = new Uint8Array(padding).fill(0xff);
  return equalBytes(opened, concatBytes(Uint8Array.of(0, 1), filler, Uint8Array.of(0), DIGEST_INFO, digest));
}
