/** Hashing to the Ed25519 group, for keys that nobody can hold (common: VRF). */
import { ed25519_hasher } from "@noble/curves/ed25519.js";

/**
 * A public key whose private key nobody knows (suite edwards25519_XMD:SHA-512_ELL2_RO_).
 *
 * @param separator domain separator, at most 255 bytes
 * @param message any length
 * @returns 32 bytes
 */
export function hashToPublicKey(separator: Uint8Array, message: Uint8Array): Uint8Array {
  return ed25519_hasher.hashToCurve(message, { DST: separator }).toBytes();
}
