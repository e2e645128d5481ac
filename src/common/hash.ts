/** SHA-512/256, the hash of this protocol (common: hash). */
import { sha512_256 } from "#kernels";
import { fixedBytes, type Schema } from "./schema/index.js";

/** Length of a hash in bytes. */
export const HASH_SIZE = 32;

/** A hash as a wire type: 32 bytes, hexadecimal text in JSON. Its zero value is all zeros, not the empty hash. */
export type Hash = Uint8Array;
export const Hash: Schema<Uint8Array> = fixedBytes("Hash", HASH_SIZE, { json: "hex" });

const SCRATCH_SIZE = 2048;
// Several short parts are joined here: one call on joined bytes beats a streaming hash. Nothing survives a call.
const scratch = new Uint8Array(SCRATCH_SIZE);

/**
 * The hash of the parts, simply joined: `hash(a, b)` equals `hash(concatBytes(a, b))`.
 *
 * @returns 32 bytes
 */
export function hash(...parts: readonly Uint8Array[]): Uint8Array {
  const first = parts[0];
  if (parts.length === 1 && first !== undefined) {
    return sha512_256(first);
  }
  let total = 0;
  for (const part of parts) {
    total += part.length;
  }
  const joined = total <= SCRATCH_SIZE ? scratch : new Uint8Array(total);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return sha512_256(joined.subarray(0, total));
}

/** The hash of nothing. "Empty" means equal to this value, never all zeros. */
export const EMPTY_HASH: Uint8Array = hash();
