/** The kernels on @noble, for browsers and every other place without OpenSSL. */
import { ed25519, x25519 as curve } from "@noble/curves/ed25519.js";
import { p256 } from "@noble/curves/nist.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 as nobleSha256, sha512 as nobleSha512, sha512_256 as nobleSha512_256 } from "@noble/hashes/sha2.js";
import { sha3_256 as nobleSha3 } from "@noble/hashes/sha3.js";
import { concatBytes } from "../bytes.js";
import type { Ed25519Key } from "./kernels.js";
import { rsaSha256VerifyWith } from "./rsa.js";

export { ed25519AcceptsAll } from "./ed25519-batch.js";

export function sha512_256(data: Uint8Array): Uint8Array {
  return nobleSha512_256(data);
}

export function sha512(data: Uint8Array): Uint8Array {
  return nobleSha512(data);
}

export function sha256(data: Uint8Array): Uint8Array {
  return nobleSha256(data);
}

export function sha3_256(data: Uint8Array): Uint8Array {
  return nobleSha3(data);
}

export function hmacSha512(key: Uint8Array, data: Uint8Array): Uint8Array {
  return hmac(nobleSha512, key, data);
}

export function hmacSha512_256(key: Uint8Array, data: Uint8Array): Uint8Array {
  return hmac(nobleSha512_256, key, data);
}

export function hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array {
  return hmac(nobleSha256, key, data);
}

export function ed25519Accepts(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  return ed25519.verify(signature, message, publicKey, { zip215: true });
}

export function ed25519Key(seed: Uint8Array): Ed25519Key {
  const secret = seed.slice();
  return {
    publicKey: ed25519.getPublicKey(secret),
    sign: (message) => ed25519.sign(message, secret),
  };
}

/** Not quick here: whoever wants exact points has the library itself. */
export function ed25519Multiply(_scalar: Uint8Array, _point: Uint8Array): Uint8Array | undefined {
  return undefined;
}

export function ed25519MultiplyBase(_scalar: Uint8Array): Uint8Array | undefined {
  return undefined;
}

export function ed25519Subtract(_p: Uint8Array, _q: Uint8Array): Uint8Array | undefined {
  return undefined;
}

export function x25519PublicKey(privateKey: Uint8Array): Uint8Array {
  return curve.getPublicKey(privateKey);
}

export function x25519(privateKey: Uint8Array, peerPublicKey: Uint8Array): Uint8Array {
  try {
    return curve.getSharedSecret(privateKey, peerPublicKey);
  } catch {
    // The library refuses the all-zero result; with keys of 32 bytes there is no other reason to fail.
    return new Uint8Array(32);
  }
}

const UNCOMPRESSED_POINT = Uint8Array.of(4);

export function p256Verify(point: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (point.length !== 64 || signature.length !== 64) return false;
  try {
    const key = concatBytes(UNCOMPRESSED_POINT, point);
    return p256.verify(signature, message, key, { lowS: false, prehash: true, format: "compact" });
  } catch {
    // The library refuses points off the curve and numbers out of range by an exception.
    return false;
  }
}

export function rsaSha256Verify(
  modulus: Uint8Array,
  exponent: number,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  return rsaSha256VerifyWith(nobleSha256(message), modulus, exponent, signature);
}
