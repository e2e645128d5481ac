import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromHex } from "#common/bytes.js";
import { MemorySigner } from "#common/crypto/signature.js";
import { PROOF_SIZE, proofToBeta, prove, VrfKey, verifyProof } from "#common/crypto/vrf.js";

const seed = new Uint8Array(32).fill(3);
const { publicKey } = MemorySigner.fromSeed(seed);

describe("the VRF", () => {
  it("proves what verifies, with the same output for everybody", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ maxLength: 40 }),
        (secret, alpha) => {
          const key = new VrfKey(secret);
          const proof = key.prove(alpha);
          expect(proof).toHaveLength(PROOF_SIZE);
          expect(MemorySigner.fromSeed(secret).proveVrf(alpha)).toEqual(proof);
          const beta = verifyProof(key.publicKey, alpha, proof);
          expect(beta).toEqual(proofToBeta(proof));
          expect(verifyProof(key.publicKey, Uint8Array.of(...alpha, 0), proof)).toBeNull();
        },
      ),
      { numRuns: 15 },
    );
  });

  it("refuses every proof with one flipped bit", () => {
    const alpha = fromHex("aabb");
    const proof = prove(seed, alpha);
    fc.assert(
      fc.property(fc.nat(8 * PROOF_SIZE - 1), (bit) => {
        const damaged = proof.slice();
        damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(verifyProof(publicKey, alpha, damaged)).toBeNull();
      }),
      { numRuns: 40 },
    );
  });

  it("refuses keys of small order, keys that are not canonical and sizes that are wrong", () => {
    const proof = prove(seed, new Uint8Array(0));
    const unreduced = fromHex(`ef${"ff".repeat(30)}7f`);
    for (const key of [new Uint8Array(32), fromHex(`01${"00".repeat(31)}`), unreduced, publicKey.slice(1)]) {
      expect(verifyProof(key, new Uint8Array(0), proof)).toBeNull();
    }
    expect(verifyProof(publicKey, new Uint8Array(0), proof.slice(1))).toBeNull();
    expect(proofToBeta(proof.slice(1))).toBeNull();
  });

  it("gives a new copy of a remembered output each time", () => {
    const proof = prove(seed, fromHex("01"));
    const first = verifyProof(publicKey, fromHex("01"), proof) as Uint8Array;
    first.fill(0);
    expect(verifyProof(publicKey, fromHex("01"), proof)).toEqual(proofToBeta(proof));
  });
});
