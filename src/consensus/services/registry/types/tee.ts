/** What a node attests about its trusted hardware, and what a deployment demands (registry: descriptors). */
import type { CborReader } from "#common/cbor/reader.js";
import { PublicKey, Signature, X25519PublicKey } from "#common/crypto/keys.js";
import { DecodeError } from "#common/errors/index.js";
import { FRAME_BYTES, FRAME_ELEMENTS } from "#common/limits.js";
import {
  bool,
  bytes,
  list,
  nullable,
  omitEmpty,
  optional,
  struct,
  u16,
  u64,
  u8,
  versionOf,
  withForms,
} from "#common/schema/index.js";
import { EnclaveIdentity } from "#common/tee/enclave-identity.js";
import { AvrBundle, Quote } from "#common/tee/quote.js";
import { IasQuoteStatus, QuotePolicy } from "#common/tee/quote-policy.js";

export const TEE_NONE = 0;
export const TEE_INTEL_SGX = 1;

/** TEE capability of one runtime on one node. */
export class CapabilityTee extends struct("CapabilityTee", {
  hardware: u8,
  /** Key that the enclave signs with. */
  rak: PublicKey,
  /** Key that others encrypt to. */
  rek: optional(X25519PublicKey),
  attestation: nullable(bytes({ max: FRAME_BYTES })),
}) {}

/** Version of old structs that had no version field. */
function versionOrZero(item: Uint8Array): number {
  try {
    return versionOf(item) ?? 0;
  } catch (error) {
    if (error instanceof DecodeError) return 0;
    throw error;
  }
}

/** Reads an item whose version decides how; blobs inside other messages are always decoded strictly. */
function versioned<T>(read: (version: number, item: Uint8Array) => T): (r: CborReader) => T {
  return (r) => {
    const item = r.readRaw();
    return read(versionOrZero(item), item);
  };
}

class SgxConstraintsV0 extends struct("SgxConstraints", {
  enclaves: omitEmpty(list(EnclaveIdentity, { max: FRAME_ELEMENTS })),
  allowedQuoteStatuses: omitEmpty(list(IasQuoteStatus, { max: FRAME_ELEMENTS })),
}) {}

const SgxConstraintsV1 = struct("SgxConstraints", {
  v: u16,
  enclaves: omitEmpty(list(EnclaveIdentity, { max: FRAME_ELEMENTS })),
  policy: optional(QuotePolicy),
  /** Blocks; 0 means the default of the network. */
  maxAttestationAge: omitEmpty(u64),
});

/** What an enclave must show to serve a deployment. Version 0 has no version field and knows only old quotes. */
export class SgxConstraints extends withForms(SgxConstraintsV1, {
  write(w, value) {
    if (value.v !== 0) return SgxConstraintsV1.write(w, value);
    const statuses = value.policy?.ias?.allowedQuoteStatuses ?? [];
    SgxConstraintsV0.write(w, { enclaves: value.enclaves, allowedQuoteStatuses: statuses });
  },
  read: versioned((version, item) => {
    if (version === 1) return SgxConstraintsV1.decode(item);
    if (version !== 0) throw new DecodeError(`invalid SGX constraints version ${version}`);
    const old = SgxConstraintsV0.decode(item);
    const ias = {
      disabled: false,
      allowedQuoteStatuses: old.allowedQuoteStatuses,
      gidBlacklist: [],
      minTcbEvaluationDataNumber: 0,
    };
    return { v: 0, enclaves: old.enclaves, policy: { ias }, maxAttestationAge: 0n };
  }),
}) {}

const SgxAttestationV1 = struct("SgxAttestation", { v: u16, quote: Quote, height: u64, signature: Signature });

/** An attestation: version 0 is the bare report of the older attestation service. */
export class SgxAttestation extends withForms(SgxAttestationV1, {
  write(w, value) {
    if (value.v !== 0) SgxAttestationV1.write(w, value);
    else if (value.quote.ias === undefined) w.null();
    else AvrBundle.write(w, value.quote.ias);
  },
  read: versioned((version, item) => {
    if (version === 1) return SgxAttestationV1.decode(item);
    if (version !== 0) throw new DecodeError(`invalid SGX attestation version ${version}`);
    return { v: 0, quote: { ias: AvrBundle.decode(item) }, height: 0n, signature: Signature.zero() };
  }),
}) {}

/** What the network supports for SGX. */
export class TeeFeaturesSgx extends struct("TeeFeaturesSgx", {
  pcs: bool,
  signedAttestations: omitEmpty(bool),
  defaultPolicy: optional(QuotePolicy),
  /** Blocks. */
  maxAttestationAge: omitEmpty(u64),
  tdx: omitEmpty(bool),
}) {}

/** What the network supports of trusted hardware. */
export class TeeFeatures extends struct("TeeFeatures", { sgx: TeeFeaturesSgx, freshnessProofs: bool }) {}
