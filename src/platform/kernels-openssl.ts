/** The kernels on OpenSSL, through `node:crypto`; Ed25519 on libsodium where that is installed, as it is faster. */
import { createHash, createHmac, createPublicKey, diffieHellman, hash, verify } from "node:crypto";
import type { Ed25519Claim, Ed25519Key } from "#common/crypto/kernels.js";
import {
  base64url,
  importPrivateKey,
  importPublicKey,
  opensslAccepts,
  opensslKey,
  publicHalf,
} from "./openssl-keys.js";
import { hasSodium, sodiumAccepts, sodiumKey } from "./sodium.js";

export {
  sodiumMultiply as ed25519Multiply,
  sodiumMultiplyBase as ed25519MultiplyBase,
  sodiumSubtract as ed25519Subtract,
} from "./sodium.js";

/** Above this size one streaming hash beats the one-shot call, whose result travels as a string. */
const ONE_SHOT_LIMIT = 8192;
/** A digest as a plain array: one byte per character is several times faster than making a `Buffer`. */
function fromBinary(text: string): Uint8Array {
  const out = new Uint8Array(text.length);
  for (let i = 0; i < out.length; i++) {
    out[i] = text.charCodeAt(i);
  }
  return out;
}

function digest(algorithm: string, data: Uint8Array): Uint8Array {
  if (data.length > ONE_SHOT_LIMIT) {
    return new Uint8Array(createHash(algorithm).update(data).digest());
  }
  return fromBinary(hash(algorithm, data, "binary"));
}

export function sha512_256(data: Uint8Array): Uint8Array {
  return digest("sha512-256", data);
}

export function sha512(data: Uint8Array): Uint8Array {
  return digest("sha512", data);
}

export function sha256(data: Uint8Array): Uint8Array {
  return digest("sha256", data);
}

export function sha3_256(data: Uint8Array): Uint8Array {
  return digest("sha3-256", data);
}

function hmac(algorithm: string, key: Uint8Array, data: Uint8Array): Uint8Array {
  return fromBinary(createHmac(algorithm, key).update(data).digest("binary"));
}

export function hmacSha512(key: Uint8Array, data: Uint8Array): Uint8Array {
  return hmac("sha512", key, data);
}

export function hmacSha512_256(key: Uint8Array, data: Uint8Array): Uint8Array {
  return hmac("sha512-256", key, data);
}

export function hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array {
  return hmac("sha256", key, data);
}

/** Chosen once: asking at each signature would tell nothing new. */
export const ed25519Accepts = hasSodium ? sodiumAccepts : opensslAccepts;

export function ed25519AcceptsAll(claims: readonly Ed25519Claim[]): boolean {
  return claims.every(({ publicKey, message, signature }) => ed25519Accepts(publicKey, message, signature));
}

export function ed25519Key(seed: Uint8Array): Ed25519Key {
  return sodiumKey(seed) ?? opensslKey(seed);
}

export function x25519PublicKey(privateKey: Uint8Array): Uint8Array {
  return publicHalf(importPrivateKey("X25519", privateKey));
}

export function x25519(privateKey: Uint8Array, peerPublicKey: Uint8Array): Uint8Array {
  try {
    const secret = diffieHellman({
      privateKey: importPrivateKey("X25519", privateKey),
      publicKey: importPublicKey("X25519", peerPublicKey),
    });
    return new Uint8Array(secret);
  } catch {
    // OpenSSL refuses the all-zero result; with keys of 32 bytes there is no other reason to fail.
    return new Uint8Array(32);
  }
}

export function p256Verify(point: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (point.length !== 64 || signature.length !== 64) return false;
  try {
    const jwk = { kty: "EC", crv: "P-256", x: base64url(point.subarray(0, 32)), y: base64url(point.subarray(32)) };
    const key = createPublicKey({ key: jwk, format: "jwk" });
    return verify("sha256", message, { key, dsaEncoding: "ieee-p1363" }, signature);
  } catch {
    // OpenSSL refuses a point off the curve already at import.
    return false;
  }
}

export function rsaSha256Verify(
  modulus: Uint8Array,
  exponent: number,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  // OpenSSL takes any exponent; an even one, or 1, makes no key.
  if (exponent < 3 || exponent % 2 === 0) return false;
  const e = new Uint8Array(4);
  new DataView(e.buffer).setUint32(0, exponent);
  try {
    const key = createPublicKey({ key: { kty: "RSA", n: base64url(modulus), e: base64url(e) }, format: "jwk" });
    return verify("sha256", message, key, signature);
  } catch {
    return false;
  }
}
