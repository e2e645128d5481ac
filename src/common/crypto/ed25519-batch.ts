/** Checks many Ed25519 signatures with one equation, for places where each point operation is expensive. */
import { mulAddUnsafe, pippenger } from "@noble/curves/abstract/curve.js";
import { ed25519 } from "@noble/curves/ed25519.js";
import { bytesToNumberLE } from "@noble/curves/utils.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { binaryText, concatBytes, u32be } from "../bytes.js";
import type { Ed25519Claim } from "./kernels.js";

const { Point } = ed25519;
type Point = InstanceType<typeof Point>;
const { Fn } = Point;

/** From so many points on, sorting into buckets costs less than a small table for each point. */
const MANY_POINTS = 600;
const COEFFICIENT_SIZE = 16;

/**
 * Whether the cofactored equation holds for all claims: a random linear combination of their equations is checked.
 *
 * `true` for a batch of valid signatures, always; `true` with an invalid one among them with a probability of about
 * 2^-125. The coefficients are 128-bit hashes of the whole batch, so that whoever makes a signature has fixed it before
 * its coefficient is known, and so that the answer needs no source of randomness.
 */
export function ed25519AcceptsAll(claims: readonly Ed25519Claim[]): boolean {
  const transcript = sha512.create();
  for (const { publicKey, message, signature } of claims) {
    transcript.update(publicKey).update(signature).update(u32be(message.length)).update(message);
  }
  const seed = transcript.digest();
  const points: Point[] = [];
  const scalars: bigint[] = [];
  const keys = new Map<string, number>();
  let base = 0n;
  try {
    claims.forEach(({ publicKey, message, signature }, index) => {
      const r = signature.subarray(0, 32);
      const coefficient = bytesToNumberLE(sha512(concatBytes(seed, u32be(index))).subarray(0, COEFFICIENT_SIZE));
      const challenge = bytesToNumberLE(sha512(concatBytes(r, publicKey, message)));
      points.push(Point.fromBytes(r, true));
      scalars.push(coefficient);
      const weight = Fn.create(challenge * coefficient);
      const id = binaryText(publicKey);
      const known = keys.get(id);
      if (known === undefined) {
        keys.set(id, points.length);
        points.push(Point.fromBytes(publicKey, true));
        scalars.push(weight);
      } else {
        scalars[known] = Fn.create((scalars[known] as bigint) + weight);
      }
      base = Fn.create(base + coefficient * bytesToNumberLE(signature.subarray(32)));
    });
  } catch {
    // The library refuses by an exception what is no point of the curve.
    return false;
  }
  const combine = points.length > MANY_POINTS ? pippenger : mulAddUnsafe;
  const sum = combine(Point, points, scalars).subtract(Point.BASE.multiplyUnsafe(base));
  return sum.clearCofactor().is0();
}
