import { expect, it } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import { proofToBeta, prove, verifyProof } from "#common/crypto/vrf.js";
import { describeVectors } from "../support/vectors.ts";

interface Vrf {
  seed?: string;
  public_key: string;
  alpha: string;
  pi: string;
  beta: string;
  note?: string;
  used_by_oasis_core: boolean;
}

for (const file of ["common/ecvrf.json", "common/ecvrf_invalid.json"]) {
  describeVectors<{ vectors: Vrf[] }>(file, ({ vectors }) => {
    it.each(vectors.map((entry, i) => ({ ...entry, i })))("row $i is used: $used_by_oasis_core ($note)", (entry) => {
      // Verify first: proving would fill the cache of known proofs, and the verifier is what this is about.
      const beta = verifyProof(fromHex(entry.public_key), fromHex(entry.alpha), fromHex(entry.pi));
      if (!entry.used_by_oasis_core) {
        expect(beta).toBeNull();
        return;
      }
      expect(toHex(beta as Uint8Array)).toBe(entry.beta);
      expect(toHex(proofToBeta(fromHex(entry.pi)) as Uint8Array)).toBe(entry.beta);
      if (entry.seed !== undefined) {
        expect(toHex(prove(fromHex(entry.seed), fromHex(entry.alpha)))).toBe(entry.pi);
      }
    });
  });
}
