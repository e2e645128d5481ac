/** TupleHash of NIST SP 800-185: a hash of several strings that no other split of the same bytes shares (common: TupleHash). */
import { tuplehash256 } from "@noble/hashes/sha3-addons.js";
import { utf8 } from "../bytes.js";

/**
 * TupleHash256 with a fixed output length.
 *
 * @param customization names the use, e.g. "oasis-core:vrf/alpha"
 * @param parts the tuple, in order
 * @param size bytes of output; every use of the protocol takes 32
 */
export function tupleHash256(customization: string, parts: readonly Uint8Array[], size = 32): Uint8Array {
  return tuplehash256([...parts], { personalization: utf8(customization), dkLen: size });
}
