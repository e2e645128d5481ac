/**
 * Verifiable random function ECVRF-EDWARDS25519-SHA512-ELL2 with the challenge of RFC 9381, which covers the public key
 * (common: VRF). Keys are ordinary Ed25519 keys.
 */
import { mulAddUnsafe, normalizeZ } from "@noble/curves/abstract/curve.js";
import { ed25519, ed25519_hasher } from "@noble/curves/ed25519.js";
import { ed25519Key, sha512 } from "#kernels";
import { assert } from "../assert.js";
import { concatBytes, equalBytes, toHex, utf8 } from "../bytes.js";
import { RecentMap } from "../recent-map.js";
import { isReducedScalar, isSmallOrder, PUBLIC_KEY_SIZE, SEED_SIZE } from "./ed25519.js";

/** Size of a proof: a point, a challenge of 16 bytes and a scalar. */
export const PROOF_SIZE = 80;

const { Point } = ed25519;
type CurvePoint = typeof Point.BASE;

const SUITE = 4;
const CHALLENGE_FRONT = Uint8Array.of(SUITE, 2);
const OUTPUT_FRONT = Uint8Array.of(SUITE, 3);
const BACK = Uint8Array.of(0);
const CHALLENGE_SIZE = 16;
const ENCODE_DST = concatBytes(utf8("ECVRF_edwards25519_XMD:SHA-512_ELL2_NU_"), Uint8Array.of(SUITE));
const ORDER = Point.Fn.ORDER;
const SCALAR_SIZE = 32;

// Both caches only remember what a pure function answered, so they can never change an answer.
const CACHED_POINTS = 1024;
const CACHED_PROOFS = 4096;
const points = new RecentMap<CurvePoint>(CACHED_POINTS);
const verified = new RecentMap<Uint8Array>(CACHED_PROOFS);

function fromLittleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes.slice().reverse())}`);
}

function toLittleEndian(value: bigint, size: number): Uint8Array {
  const out = new Uint8Array(size);
  let rest = value;
  for (let i = 0; i < size; i++) {
    out[i] = Number(rest & 255n);
    rest >>= 8n;
  }
  return out;
}

/** Reads a canonical point encoding; anything else is undefined. */
function decodePoint(bytes: Uint8Array): CurvePoint | undefined {
  try {
    return Point.fromBytes(bytes, false);
  } catch {
    // The library answers by throwing; a bad encoding is an ordinary answer here.
    return undefined;
  }
}

function decodePublicKey(publicKey: Uint8Array): CurvePoint | undefined {
  if (publicKey.length !== PUBLIC_KEY_SIZE || isSmallOrder(publicKey)) {
    return undefined;
  }
  const id = toHex(publicKey);
  const known = points.get(id);
  if (known !== undefined) {
    return known;
  }
  const point = decodePoint(publicKey);
  if (point !== undefined) {
    points.set(id, point);
  }
  return point;
}

/** Encodings of several points at the price of one field inversion. */
function encodeAll(list: readonly CurvePoint[]): Uint8Array[] {
  return normalizeZ(Point, [...list]).map((point) => point.toBytes());
}

const WINDOW_BITS = 4n;
const WINDOWS = 64;
const BUCKETS = 9;

/** Signed digits -7..8 in base 16, least significant first; always 64 of them. */
function signedDigits(scalar: bigint): number[] {
  const digits: number[] = [];
  let rest = scalar;
  for (let i = 0; i < WINDOWS; i++) {
    const low = Number(rest & 15n);
    rest >>= WINDOW_BITS;
    if (low > 8) {
      rest += 1n;
    }
    digits.push(low > 8 ? low - 16 : low);
  }
  return digits;
}

/**
 * Several multiples of one point. The doublings, which are most of the work, are shared: each multiple sorts the powers
 * 16^i of the point into buckets by digit and adds the buckets up. The sequence of operations does not depend on the
 * scalars (digit 0 has a bucket, too), as they are secret; big integers in JavaScript promise no more than that.
 */
function multiples(point: CurvePoint, scalars: readonly bigint[]): CurvePoint[] {
  const digits = scalars.map(signedDigits);
  const buckets = scalars.map(() => new Array<CurvePoint>(BUCKETS).fill(Point.ZERO));
  let power = point;
  for (let i = 0; i < WINDOWS; i++) {
    const negative = power.negate();
    digits.forEach((list, j) => {
      const digit = list[i] as number;
      const mine = buckets[j] as CurvePoint[];
      const at = digit < 0 ? -digit : digit;
      mine[at] = (mine[at] as CurvePoint).add(digit < 0 ? negative : power);
    });
    power = power.double().double().double().double();
  }
  return buckets.map((mine) => {
    let running = Point.ZERO;
    let sum = Point.ZERO;
    for (let at = BUCKETS - 1; at >= 1; at--) {
      running = running.add(mine[at] as CurvePoint);
      sum = sum.add(running);
    }
    return sum;
  });
}

function encodeToCurve(publicKey: Uint8Array, alpha: Uint8Array): CurvePoint {
  return ed25519_hasher.encodeToCurve(concatBytes(publicKey, alpha), { DST: ENCODE_DST });
}

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
    const [gamma, kh] = multiples(h, [x, k]) as [CurvePoint, CurvePoint];
    const [gammaBytes, u, v, cofactorGamma] = encodeAll([gamma, Point.BASE.multiply(k), kh, gamma.clearCofactor()]) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    const c = challenge(this.publicKey, [hBytes, gammaBytes, u, v]);
    const s = (k + fromLittleEndian(c) * x) % ORDER;
    const proof = concatBytes(gammaBytes, c, toLittleEndian(s, SCALAR_SIZE));
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
  const y = decodePublicKey(publicKey);
  const gammaBytes = proof.slice(0, 32);
  const gamma = decodePoint(gammaBytes);
  if (y === undefined || gamma === undefined) {
    return null;
  }
  const cBytes = proof.subarray(32, 48);
  const c = fromLittleEndian(cBytes);
  const s = fromLittleEndian(proof.subarray(48));
  const h = encodeToCurve(publicKey, alpha);
  const u = Point.BASE.multiplyUnsafe(s).subtract(y.multiplyUnsafe(c));
  const v = mulAddUnsafe(Point, [h, gamma.negate()], [s, c]);
  const [hBytes, uBytes, vBytes, cofactorGamma] = encodeAll([h, u, v, gamma.clearCofactor()]) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  if (!equalBytes(challenge(publicKey, [hBytes, gammaBytes, uBytes, vBytes]), cBytes)) {
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
  const gamma = decodePoint(proof.slice(0, 32));
  return gamma === undefined ? null : output(gamma.clearCofactor().toBytes());
}
