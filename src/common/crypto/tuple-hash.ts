/** TupleHash of NIST SP 800-185: a hash of several strings that no other split of the same bytes shares (common: TupleHash). */
import { tuplehash128, tuplehash256 } from "@noble/hashes/sha3-addons.js";
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

/** TupleHash128, which has the strength of 128 bits; nothing in the protocol uses it today. */
export function tupleHash128(customization: string, parts: readonly Uint8Array[], size = 32): Uint8Array {
  return tuplehash128([...parts], { personalization: utf8(customization), dkLen: size });
}
