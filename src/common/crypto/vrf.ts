/**
 * Verifiable random function ECVRF-EDWARDS25519-SHA512-ELL2 with the challenge of RFC 9381, which covers the public key
 * (common: VRF). Keys are ordinary Ed25519 keys.
 */
import { ed25519Key, sha512 } from "#kernels";
import { assert } from "../assert.js";
import { concatBytes, equalBytes, toHex } from "../bytes.js";
import { RecentMap } from "../recent-map.js";
import { isReducedScalar, PUBLIC_KEY_SIZE, SEED_SIZE } from "./ed25519.js";
import {
  decodePoint,
  encodeToCurve,
  exactCheckPoints,
  exactProofPoints,
  fromLittleEndian,
  ORDER,
  quickCheckPoints,
  quickCofactor,
  quickProofPoints,
  SCALAR_SIZE,
  toLittleEndian,
} from "./vrf-points.js";

/** Size of a proof: a point, a challenge of 16 bytes and a scalar. */
export const PROOF_SIZE = 80;

const SUITE = 4;
const CHALLENGE_FRONT = Uint8Array.of(SUITE, 2);
const OUTPUT_FRONT = Uint8Array.of(SUITE, 3);
const BACK = Uint8Array.of(0);
const CHALLENGE_SIZE = 16;

// It only remembers what a pure function answered, so it can never change an answer.
const CACHED_PROOFS = 4096;
const verified = new RecentMap<Uint8Array>(CACHED_PROOFS);

function challenge(publicKey: Uint8Array, encoded: readonly Uint8Array[]): Uint8Array {
  return sha512(concatBytes(CHALLENGE_FRONT, publicKey, ...encoded, BACK)).slice(0, CHALLENGE_SIZE);
}

function output(cofactorGamma: Uint8Array): Uint8Array {
  return sha512(concatBytes(OUTPUT_FRONT, cofactorGamma, BACK));
}

function cacheKey(publicKey: Uint8Array, alpha: Uint8Array, proof: Uint8Array): string {
  return toHex(sha512(concatBytes(publicKey, proof, alpha)));
}

/** A private key that is ready to prove. */
export class VrfKey {
  readonly publicKey: Uint8Array;
  readonly #x: bigint;
  readonly #nonceKey: Uint8Array;

  /** @param seed RFC 8032 seed, 32 bytes */
  constructor(seed: Uint8Array) {
    assert(seed.length === SEED_SIZE, "A VRF seed has 32 bytes.");
    this.publicKey = ed25519Key(seed).publicKey;
    const expanded = sha512(seed);
    const clamped = expanded.slice(0, 32);
    clamped[0] = (clamped[0] as number) & 248;
    clamped[31] = ((clamped[31] as number) & 63) | 64;
    this.#x = fromLittleEndian(clamped) % ORDER;
    this.#nonceKey = expanded.slice(32);
  }

  /**
   * Proves the output over alpha (any length). Deterministic.
   *
   * @returns the proof, 80 bytes
   */
  prove(alpha: Uint8Array): Uint8Array {
    const x = this.#x;
    const h = encodeToCurve(this.publicKey, alpha);
    const hBytes = h.toBytes();
    const k = fromLittleEndian(sha512(concatBytes(this.#nonceKey, hBytes))) % ORDER;
    const { gamma, u, v, cofactorGamma } = quickProofPoints(hBytes, x, k) ?? exactProofPoints(h, x, k);
    const c = challenge(this.publicKey, [hBytes, gamma, u, v]);
    const s = (k + fromLittleEndian(c) * x) % ORDER;
    const proof = concatBytes(gamma, c, toLittleEndian(s, SCALAR_SIZE));
    // Whoever proves usually meets its own proof again, in a transaction that must be verified.
    verified.set(cacheKey(this.publicKey, alpha, proof), output(cofactorGamma));
    return proof;
  }
}

/**
 * Proves the VRF output of a key over alpha, once. Keep a `VrfKey` to prove several times.
 *
 * @param seed RFC 8032 seed of the key, 32 bytes
 * @param alpha any length
 * @returns the proof, 80 bytes
 */
export function prove(seed: Uint8Array, alpha: Uint8Array): Uint8Array {
  return new VrfKey(seed).prove(alpha);
}

/**
 * Verifies a proof. The caller asks its acceptance policy whether the key is forbidden.
 *
 * @param publicKey 32 bytes; refused when not canonical or of small order
 * @param alpha any length
 * @param proof 80 bytes
 * @returns the output beta (64 bytes), or null when the proof is not valid
 */
export function verifyProof(publicKey: Uint8Array, alpha: Uint8Array, proof: Uint8Array): Uint8Array | null {
  if (proof.length !== PROOF_SIZE || !isReducedScalar(proof.subarray(48))) {
    return null;
  }
  const id = cacheKey(publicKey, alpha, proof);
  const known = verified.get(id);
  if (known !== undefined) {
    return known.slice();
  }
  if (publicKey.length !== PUBLIC_KEY_SIZE) {
    return null;
  }
  const h = encodeToCurve(publicKey, alpha);
  const hBytes = h.toBytes();
  const found = quickCheckPoints(publicKey, hBytes, proof) ?? exactCheckPoints(publicKey, h, proof);
  if (found === undefined) {
    return null;
  }
  const { gamma, u, v, cofactorGamma } = found;
  if (!equalBytes(challenge(publicKey, [hBytes, gamma, u, v]), proof.subarray(32, 48))) {
    return null;
  }
  const beta = output(cofactorGamma);
  verified.set(id, beta);
  return beta.slice();
}

/**
 * The output of a proof that is already known to be valid.
 *
 * @param proof 80 bytes
 * @returns beta, 64 bytes; null when the proof does not even hold a point
 */
export function proofToBeta(proof: Uint8Array): Uint8Array | null {
  if (proof.length !== PROOF_SIZE || !isReducedScalar(proof.subarray(48))) {
    return null;
  }
  const gammaBytes = proof.slice(0, 32);
  const quick = quickCofactor(gammaBytes);
  if (quick !== undefined) return output(quick);
  const gamma = decodePoint(gammaBytes);
  return gamma === undefined ? null : output(gamma.clearCofactor().toBytes());
}
