import { sha3_256 } from "#kernels";
import { concatBytes, u64le } from "#common/bytes.js";
import type { Context } from "./context.js";

/**
 * Entropy out of what every node knows of the chain, 32 bytes; open to manipulation by a proposer.
 * In the first block there is no application hash yet.
 */
export function blockEntropy(ctx: Context): Uint8Array {
  return sha3_256(concatBytes(u64le(ctx.lastHeight), u64le(ctx.now.seconds), ctx.env.lastAppHash));
}
