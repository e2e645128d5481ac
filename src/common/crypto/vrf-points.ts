/**
 * The points of ECVRF proofs, each computed in two ways: quickly, by kernels that know only points of the prime-order
 * group, and exactly, for all points that the protocol accepts (common: VRF).
 */
import { mulAddUnsafe, normalizeZ } from "@noble/curves/abstract/curve.js";
import { ed25519, ed25519_hasher } from "@noble/curves/ed25519.js";
import { ed25519Multiply, ed25519MultiplyBase, ed25519Subtract } from "#kernels";
import { concatBytes, toHex, utf8 } from "../bytes.js";
import { RecentMap } from "../recent-map.js";
import { isSmallOrder, PUBLIC_KEY_SIZE } from "./ed25519.js";

const { Point } = ed25519;
export type CurvePoint = typeof Point.BASE;

export const ORDER = Point.Fn.ORDER;
export const SCALAR_SIZE = 32;
const ENCODE_DST = concatBytes(utf8("ECVRF_edwards25519_XMD:SHA-512_ELL2_NU_"), Uint8Array.of(4));

// It only remembers what a pure function answered, so it can never change an answer.
const CACHED_POINTS = 1024;
const points = new RecentMap<CurvePoint>(CACHED_POINTS);

export function fromLittleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes.slice().reverse())}`);
}

export function toLittleEndian(value: bigint, size: number): Uint8Array {
  const out = new Uint8Array(size);
  let rest = value;
  for (let i = 0; i < size; i++) {
    out[i] = Number(rest & 255n);
    rest >>= 8n;
  }
  return out;
}

/** Reads a canonical point encoding; anything else is undefined. */
export function decodePoint(bytes: Uint8Array): CurvePoint | undefined {
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

export function encodeToCurve(publicKey: Uint8Array, alpha: Uint8Array): CurvePoint {
  return ed25519_hasher.encodeToCurve(concatBytes(publicKey, alpha), { DST: ENCODE_DST });
}

const COFACTOR = toLittleEndian(8n, SCALAR_SIZE);

/** Eight times a point of 32 bytes; undefined when the kernels cannot tell. */
export function quickCofactor(point: Uint8Array): Uint8Array | undefined {
  return ed25519Multiply(COFACTOR, point);
}

/** Points that a proof or its check needs, encoded. */
export interface ProofPoints {
  readonly gamma: Uint8Array;
  readonly u: Uint8Array;
  readonly v: Uint8Array;
  readonly cofactorGamma: Uint8Array;
}

/**
 * The points of a new proof.
 * @param x secret scalar @param k secret nonce, both below the order
 */
export function quickProofPoints(hBytes: Uint8Array, x: bigint, k: bigint): ProofPoints | undefined {
  const nonce = toLittleEndian(k, SCALAR_SIZE);
  const gamma = ed25519Multiply(toLittleEndian(x, SCALAR_SIZE), hBytes);
  const u = ed25519MultiplyBase(nonce);
  const v = ed25519Multiply(nonce, hBytes);
  if (gamma === undefined || u === undefined || v === undefined) return undefined;
  const cofactorGamma = quickCofactor(gamma);
  return cofactorGamma === undefined ? undefined : { gamma, u, v, cofactorGamma };
}

/** The same by the slow way that never fails. */
export function exactProofPoints(h: CurvePoint, x: bigint, k: bigint): ProofPoints {
  const [xh, kh] = multiples(h, [x, k]) as [CurvePoint, CurvePoint];
  const encoded = encodeAll([xh, Point.BASE.multiply(k), kh, xh.clearCofactor()]);
  const [gamma, u, v, cofactorGamma] = encoded as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  return { gamma, u, v, cofactorGamma };
}

/** s B - c Y and s H - c gamma by the kernels; undefined when they cannot, which says nothing about the proof. */
export function quickCheckPoints(y: Uint8Array, h: Uint8Array, proof: Uint8Array): ProofPoints | undefined {
  const gamma = proof.slice(0, 32);
  const c = new Uint8Array(SCALAR_SIZE);
  c.set(proof.subarray(32, 48));
  const s = proof.slice(48);
  const parts = [ed25519MultiplyBase(s), ed25519Multiply(c, y), ed25519Multiply(s, h), ed25519Multiply(c, gamma)];
  const [sB, cY, sH, cGamma] = parts;
  if (sB === undefined || cY === undefined || sH === undefined || cGamma === undefined) return undefined;
  const u = ed25519Subtract(sB, cY);
  const v = ed25519Subtract(sH, cGamma);
  const cofactorGamma = quickCofactor(gamma);
  if (u === undefined || v === undefined || cofactorGamma === undefined) return undefined;
  return { gamma, u, v, cofactorGamma };
}

/** The same exactly; undefined when key or gamma is no point that the protocol accepts. */
export function exactCheckPoints(publicKey: Uint8Array, h: CurvePoint, proof: Uint8Array): ProofPoints | undefined {
  const y = decodePublicKey(publicKey);
  const gammaBytes = proof.slice(0, 32);
  const gamma = decodePoint(gammaBytes);
  if (y === undefined || gamma === undefined) return undefined;
  const c = fromLittleEndian(proof.subarray(32, 48));
  const s = fromLittleEndian(proof.subarray(48));
  const [u, v, cofactorGamma] = encodeAll([
    Point.BASE.multiplyUnsafe(s).subtract(y.multiplyUnsafe(c)),
    mulAddUnsafe(Point, [h, gamma.negate()], [s, c]),
    gamma.clearCofactor(),
  ]) as [Uint8Array, Uint8Array, Uint8Array];
  return { gamma: gammaBytes, u, v, cofactorGamma };
}
