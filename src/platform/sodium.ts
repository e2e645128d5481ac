/**
 * libsodium's Ed25519, from the prebuilt addon of `sodium-native`, where that optional package is installed for this
 * platform. It is an accelerator only: everything it does, OpenSSL or noble do as well.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Ed25519Key } from "#common/crypto/kernels.js";

const POINT_SIZE = 32;
const SCALAR_SIZE = 32;
const SEED_SIZE = 32;
const SECRET_SIZE = 64;
const SIGNATURE_SIZE = 64;

/** What is used of the addon. Arithmetic answers 0 for success; wrong lengths are not its business but ours. */
interface Addon {
  crypto_sign_seed_keypair(publicKey: Uint8Array, secret: Uint8Array, seed: Uint8Array): number;
  crypto_sign_detached(signature: Uint8Array, message: Uint8Array, secret: Uint8Array): number;
  crypto_sign_verify_detached(
    signature: ArrayBufferLike,
    signatureOffset: number,
    signatureSize: number,
    message: ArrayBufferLike,
    messageOffset: number,
    messageSize: number,
    key: ArrayBufferLike,
    keyOffset: number,
    keySize: number,
  ): boolean;
  crypto_scalarmult_ed25519_noclamp(out: Uint8Array, scalar: Uint8Array, point: Uint8Array): number;
  crypto_scalarmult_ed25519_base_noclamp(out: Uint8Array, scalar: Uint8Array): number;
  crypto_core_ed25519_sub(out: Uint8Array, p: Uint8Array, q: Uint8Array): number;
}

/** The file is opened by its place in the package: its JavaScript would load seventeen packages more, in 130 ms. */
function load(): Addon | undefined {
  const require = createRequire(import.meta.url);
  try {
    const folder = dirname(require.resolve("sodium-native/package.json"));
    return require(join(folder, "prebuilds", `${process.platform}-${process.arch}`, "sodium-native.node")) as Addon;
  } catch {
    // Not installed, or not for this platform.
    return undefined;
  }
}

const addon = load();

/** Whether libsodium is there. */
export const hasSodium = addon !== undefined;

// The addon reads shared memory as nothing at all.
function isOwn(bytes: Uint8Array): boolean {
  return bytes.buffer instanceof ArrayBuffer;
}

/**
 * Whether libsodium accepts a signature. Its rules are stricter than the protocol's: `false` decides nothing, and that
 * is also the answer where libsodium is missing.
 *
 * @param publicKey 32 bytes
 * @param signature 64 bytes
 */
export function sodiumAccepts(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (addon === undefined || publicKey.length !== POINT_SIZE || signature.length !== SIGNATURE_SIZE) return false;
  return addon.crypto_sign_verify_detached(
    signature.buffer,
    signature.byteOffset,
    SIGNATURE_SIZE,
    message.buffer,
    message.byteOffset,
    message.length,
    publicKey.buffer,
    publicKey.byteOffset,
    POINT_SIZE,
  );
}

/** A key that signs by libsodium; undefined where it is missing. @param seed 32 bytes */
export function sodiumKey(seed: Uint8Array): Ed25519Key | undefined {
  if (addon === undefined || seed.length !== SEED_SIZE) return undefined;
  const publicKey = new Uint8Array(POINT_SIZE);
  const secret = new Uint8Array(SECRET_SIZE);
  if (addon.crypto_sign_seed_keypair(publicKey, secret, seed.slice()) !== 0) return undefined;
  return {
    publicKey,
    sign(message) {
      const signature = new Uint8Array(SIGNATURE_SIZE);
      addon.crypto_sign_detached(signature, isOwn(message) ? message : message.slice(), secret);
      return signature;
    },
  };
}

/**
 * A multiple of a point of the prime-order group, in constant time.
 *
 * @param scalar 32 bytes, little-endian, reduced
 * @param point 32 bytes
 * @returns 32 bytes; undefined for any other point, for a result of zero and where libsodium is missing
 */
export function sodiumMultiply(scalar: Uint8Array, point: Uint8Array): Uint8Array | undefined {
  if (addon === undefined || scalar.length !== SCALAR_SIZE || point.length !== POINT_SIZE) return undefined;
  const out = new Uint8Array(POINT_SIZE);
  return addon.crypto_scalarmult_ed25519_noclamp(out, scalar, point) === 0 ? out : undefined;
}

/** A multiple of the base point, as `sodiumMultiply`. @param scalar 32 bytes, little-endian, reduced */
export function sodiumMultiplyBase(scalar: Uint8Array): Uint8Array | undefined {
  if (addon === undefined || scalar.length !== SCALAR_SIZE) return undefined;
  const out = new Uint8Array(POINT_SIZE);
  return addon.crypto_scalarmult_ed25519_base_noclamp(out, scalar) === 0 ? out : undefined;
}

/** p - q, of points of 32 bytes; undefined where one is no point and where libsodium is missing. */
export function sodiumSubtract(p: Uint8Array, q: Uint8Array): Uint8Array | undefined {
  if (addon === undefined || p.length !== POINT_SIZE || q.length !== POINT_SIZE) return undefined;
  const out = new Uint8Array(POINT_SIZE);
  return addon.crypto_core_ed25519_sub(out, p, q) === 0 ? out : undefined;
}
