/** How an enclave binds its keys and a node to its quote (registry: TEE verification). */
import { concatBytes, equalBytes, u64le, utf8 } from "../bytes.js";
import { type AcceptancePolicy, defineContext, verify } from "../crypto/signature.js";
import { tupleHash256 } from "../crypto/tuple-hash.js";
import { hash, HASH_SIZE } from "../hash.js";

const RAK_BINDING = utf8("oasis-core/node: TEE RAK binding");
const NONCE_CONTEXT = "oasis-core/node: TEE quote nonce";

/** What an enclave signs its attestation under. */
export const ATTESTATION_CONTEXT = defineContext("oasis-core/node: TEE attestation signature");

/** The 64 bytes of report data for a quote over the attestation key of an enclave. */
export function reportDataFor(rak: Uint8Array, nonce: Uint8Array): Uint8Array {
  return concatBytes(hash(RAK_BINDING, rak), nonce);
}

/** The second half of the report data, from 32 random bytes. */
export function quoteNonce(random: Uint8Array): Uint8Array {
  return tupleHash256(NONCE_CONTEXT, [random]);
}

/** Whether report data binds an attestation key; its second half is of no concern to others. */
export function bindsKey(reportData: Uint8Array, rak: Uint8Array): boolean {
  return equalBytes(reportData.subarray(0, HASH_SIZE), hash(RAK_BINDING, rak));
}

/** What an enclave says about the node it runs on. */
export interface AttestationClaim {
  readonly reportData: Uint8Array;
  readonly nodeId: Uint8Array;
  /** Height that the enclave had seen. */
  readonly height: bigint;
  readonly rek: Uint8Array | undefined;
}

/** The 32 bytes that an enclave signs with its attestation key. */
export function attestationHash({ reportData, nodeId, height, rek }: AttestationClaim): Uint8Array {
  const parts = [reportData, nodeId, u64le(height), ...(rek === undefined ? [] : [rek])];
  return tupleHash256(ATTESTATION_CONTEXT.base, parts);
}

/** Whether the attestation key of an enclave signed a claim. */
export function isClaimSigned(
  claim: AttestationClaim,
  rak: Uint8Array,
  signature: Uint8Array,
  policy: AcceptancePolicy,
): boolean {
  return verify(rak, ATTESTATION_CONTEXT, attestationHash(claim), signature, { policy });
}
