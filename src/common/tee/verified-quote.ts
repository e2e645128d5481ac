import type { EnclaveIdentity } from "./enclave-identity.js";

/** What a quote proves once it has been verified. */
export interface VerifiedQuote {
  /** 64 bytes that the enclave chose. */
  readonly reportData: Uint8Array;
  readonly identity: EnclaveIdentity;
}
