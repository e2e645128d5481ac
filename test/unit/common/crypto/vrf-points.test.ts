import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes } from "#common/bytes.js";
import { ed25519Key } from "#kernels";
import { prove } from "#common/crypto/vrf.js";
import {
  encodeToCurve,
  exactCheckPoints,
  exactProofPoints,
  ORDER,
  quickCheckPoints,
  quickProofPoints,
} from "#common/crypto/vrf-points.js";
import { hasSodium } from "#platform/sodium.js";

const seed32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const scalar = fc.bigInt({ min: 1n, max: ORDER - 1n });

describe.skipIf(!hasSodium)("points of VRF proofs, quickly and exactly", () => {
  it("are the same when a proof is made", () => {
    fc.assert(
      fc.property(seed32, seed32, scalar, scalar, (seed, alpha, x, k) => {
        const h = encodeToCurve(ed25519Key(seed).publicKey, alpha);
        const quick = quickProofPoints(h.toBytes(), x, k);
        expect(quick).toBeDefined();
        expect(quick).toEqual(exactProofPoints(h, x, k));
      }),
      { numRuns: 20 },
    );
  });

  it("are the same when a proof is checked, right or damaged, or the quick way does not know", () => {
    fc.assert(
      fc.property(seed32, seed32, fc.integer({ min: 0, max: 79 }), fc.nat(7), (seed, alpha, byte, bit) => {
        const { publicKey } = ed25519Key(seed);
        const h = encodeToCurve(publicKey, alpha);
        const right = prove(seed, alpha);
        const wrong = right.slice();
        wrong[byte] = (wrong[byte] as number) ^ (1 << bit);
        // An unreduced scalar never comes this far.
        wrong[79] = (wrong[79] as number) & 15;
        expect(quickCheckPoints(publicKey, h.toBytes(), right)).toEqual(exactCheckPoints(publicKey, h, right));
        const quick = quickCheckPoints(publicKey, h.toBytes(), wrong);
        if (quick !== undefined) expect(quick).toEqual(exactCheckPoints(publicKey, h, wrong));
      }),
      { numRuns: 40 },
    );
  });

  it("are not told quickly for a point outside the prime-order group", () => {
    const { publicKey } = ed25519Key(new Uint8Array(32).fill(1));
    const h = encodeToCurve(publicKey, Uint8Array.of(1));
    const order8 = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a";
    const proof = concatBytes(Uint8Array.from(Buffer.from(order8, "hex")), new Uint8Array(48).fill(1));
    expect(quickCheckPoints(publicKey, h.toBytes(), proof)).toBeUndefined();
    expect(exactCheckPoints(publicKey, h, proof)).toBeDefined();
  });
});
