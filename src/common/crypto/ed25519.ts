/** Which Ed25519 signatures this protocol accepts (common: signature verification). */
import { ed25519 } from "@noble/curves/ed25519.js";
import { ed25519Accepts, ed25519AcceptsAll } from "#kernels";
import { binaryText, equalBytes, fromHex } from "../bytes.js";
import { RecentMap } from "../recent-map.js";
import type { Ed25519Claim } from "./kernels.js";

export const PUBLIC_KEY_SIZE = 32;
export const SIGNATURE_SIZE = 64;
export const SEED_SIZE = 32;

/**
 * The y coordinates (little-endian, sign bit cleared) of the eight points whose order divides 8, reduced and not:
 * 1 (order 1), -1 (order 2), 0 (order 4), two of order 8, and p and p + 1, which read as 0 and 1. With either sign bit
 * these are the fourteen small-order encodings that decompress.
 */
const SMALL_ORDER_Y: readonly Uint8Array[] = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].map(fromHex);

/** Whether 32 bytes encode a point whose order divides 8, reduced or not. */
export function isSmallOrder(point: Uint8Array): boolean {
  for (const y of SMALL_ORDER_Y) {
    if (y[0] === point[0]) {
      const unsigned = point.slice();
      unsigned[31] = (unsigned[31] as number) & 0x7f;
      return equalBytes(unsigned, y);
    }
  }
  return false;
}

// The group order L, little-endian.
const ORDER = fromHex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");

/** Whether 32 little-endian bytes are a scalar below the group order. */
export function isReducedScalar(scalar: Uint8Array): boolean {
  for (let i = 31; i >= 0; i--) {
    const difference = (scalar[i] as number) - (ORDER[i] as number);
    if (difference !== 0) {
      return difference < 0;
    }
  }
  return false;
}

// A transaction's signature is checked by the pool, by the proposer's run and again when descriptors are opened. The
// cache only remembers what a pure function answered, and only "valid": a peer cannot fill it with rubbish for free.
const CACHED_SIGNATURES = 8192;
const CACHED_MESSAGE_SIZE = 64;
const accepted = new RecentMap<true>(CACHED_SIGNATURES);

/**
 * Checks a signature over bytes as they are (no context, no prehash, no key blacklist).
 *
 * A and R are read as ZIP-215 does (unreduced y and "negative zero" allowed), small-order A or R is refused, S must be
 * reduced, and the equation is cofactored with the hash taken over the received bytes.
 *
 * @param publicKey 32 bytes; any other length is answered with false
 * @param message any length
 * @param signature 64 bytes; any other length is answered with false
 */
export function verifyRaw(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (!isWellFormed(publicKey, signature)) return false;
  const id = cacheKey(publicKey, message, signature);
  if (accepted.get(id) === true) return true;
  const valid = verifyExactly(publicKey, message, signature);
  if (valid && id !== "") accepted.set(id, true);
  return valid;
}

/**
 * Whether `verifyRaw` accepts every one of the signatures. Where points are expensive, many cost much less together
 * than one by one; which of them is wrong, only `verifyRaw` tells. An empty list is accepted.
 */
export function verifyRawAll(claims: readonly Ed25519Claim[]): boolean {
  if (!claims.every(({ publicKey, signature }) => isWellFormed(publicKey, signature))) return false;
  const ids = claims.map(({ publicKey, message, signature }) => cacheKey(publicKey, message, signature));
  const open = claims.filter((_, i) => accepted.get(ids[i] as string) !== true);
  if (!ed25519AcceptsAll(open)) {
    return open.every(({ publicKey, message, signature }) => verifyRaw(publicKey, message, signature));
  }
  for (const id of ids) if (id !== "") accepted.set(id, true);
  return true;
}

function isWellFormed(publicKey: Uint8Array, signature: Uint8Array): boolean {
  return (
    publicKey.length === PUBLIC_KEY_SIZE &&
    signature.length === SIGNATURE_SIZE &&
    !isSmallOrder(publicKey) &&
    !isSmallOrder(signature.subarray(0, 32)) &&
    isReducedScalar(signature.subarray(32))
  );
}

/** What is signed is a digest nearly always; anything longer is not worth its place in the cache and has no key. */
function cacheKey(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): string {
  if (message.length > CACHED_MESSAGE_SIZE) return "";
  return binaryText(signature) + binaryText(publicKey) + binaryText(message);
}

function verifyExactly(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  // What OpenSSL accepts holds cofactorless, hence cofactored. What it refuses needs the exact, slow answer: about a
  // millisecond each, so callers bound how many bad signatures one peer may present.
  return (
    ed25519Accepts(publicKey, message, signature) || ed25519.verify(signature, message, publicKey, { zip215: true })
  );
}
