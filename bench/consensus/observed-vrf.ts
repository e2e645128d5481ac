/** The VRF; it tells which proofs it was asked to verify. */
import * as vrf from "../../src/common/crypto/vrf.ts";

export * from "../../src/common/crypto/vrf.ts";

/** A proof that was verified. */
export interface SeenProof {
  readonly publicKey: Uint8Array;
  readonly alpha: Uint8Array;
  readonly proof: Uint8Array;
}

let seen: SeenProof[] | undefined;

/** Gathers the proofs that are verified from now on. */
export function observeProofs(): { stop: () => SeenProof[] } {
  const list: SeenProof[] = [];
  seen = list;
  return {
    stop: () => {
      seen = undefined;
      return list;
    },
  };
}

export function verifyProof(publicKey: Uint8Array, alpha: Uint8Array, proof: Uint8Array): Uint8Array | null {
  seen?.push({ publicKey, alpha, proof });
  return vrf.verifyProof(publicKey, alpha, proof);
}
