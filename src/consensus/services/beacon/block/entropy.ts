import { sha3_256 } from "#kernels";
import { concatBytes, u64be, u64le, utf8 } from "#common/bytes.js";
import { tupleHash256 } from "#common/crypto/tuple-hash.js";
import { proofToBeta } from "#common/crypto/vrf.js";
import { Fault } from "#common/errors/index.js";
import type { SortedMap } from "#common/sorted-map.js";
import type { Context } from "../../../app/context.js";
import { blockEntropy } from "../../../app/entropy.js";
import type { VrfProof } from "../types.js";

const BEACON_PREFIX = utf8("EkB-tmnt");
const ALPHA_DOMAIN = "oasis-core:vrf/alpha";

/** The random beacon of an epoch, 32 bytes. */
export function beaconOf(epoch: bigint, entropy: Uint8Array): Uint8Array {
  return sha3_256(concatBytes(BEACON_PREFIX, entropy, u64le(epoch)));
}

/** Beta of a proof that was verified before it was stored. */
export function storedBeta(proof: VrfProof): Uint8Array {
  const beta = proofToBeta(proof.proof);
  if (beta === null) throw new Fault("corrupted state: stored VRF proof does not decode");
  return beta;
}

/** Alpha of an epoch without enough proofs: predictable, so its proofs elect nobody. */
export function lowQualityAlpha(ctx: Context, epoch: bigint): Uint8Array {
  return tupleHash256(ALPHA_DOMAIN, [utf8(ctx.env.chainContext), u64be(epoch), blockEntropy(ctx)]);
}

/** Alpha out of the betas of the epoch before, in the order of node ids. */
export function highQualityAlpha(ctx: Context, epoch: bigint, pi: SortedMap<Uint8Array, VrfProof>): Uint8Array {
  const betas = Array.from(pi.values(), storedBeta);
  return tupleHash256(ALPHA_DOMAIN, [utf8(ctx.env.chainContext), u64be(epoch), ...betas]);
}
