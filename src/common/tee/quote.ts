/** Remote attestations as they travel; checking them is another matter (registry: TEE verification). */
import { FRAME_BYTES } from "../limits.js";
import { bytes, nullable, optional, struct, text } from "../schema/index.js";

/** Report of the older attestation service with its signature and certificates. */
export class AvrBundle extends struct("AvrBundle", {
  body: nullable(bytes({ max: FRAME_BYTES })),
  certificateChain: nullable(bytes({ max: FRAME_BYTES })),
  signature: nullable(bytes({ max: FRAME_BYTES })),
}) {}

/** TCB information: the JSON bytes as they were signed, and the signature in hexadecimal. */
export class SignedTcbInfo extends struct("SignedTcbInfo", {
  tcbInfo: nullable(bytes({ max: FRAME_BYTES })),
  signature: text({ max: FRAME_BYTES }),
}) {}

/** Identity of the quoting enclave: the JSON bytes as they were signed, and the signature in hexadecimal. */
export class SignedQeIdentity extends struct("SignedQeIdentity", {
  enclaveIdentity: nullable(bytes({ max: FRAME_BYTES })),
  signature: text({ max: FRAME_BYTES }),
}) {}

/** Collateral that a quote is checked against. */
export class TcbBundle extends struct("TcbBundle", {
  tcbInfo: SignedTcbInfo,
  qeId: SignedQeIdentity,
  certs: nullable(bytes({ max: FRAME_BYTES })),
}) {}

/** A quote with its collateral. */
export class PcsQuoteBundle extends struct("PcsQuoteBundle", {
  quote: nullable(bytes({ max: FRAME_BYTES })),
  tcb: TcbBundle,
}) {}

/** A quote of either kind; exactly one must be set to pass verification. */
export class Quote extends struct("Quote", { ias: optional(AvrBundle), pcs: optional(PcsQuoteBundle) }) {}
