/**
 * Attestation of a runtime in a trusted execution environment (runtime host protocol: host to runtime bodies).
 * Quotes, reports of the attestation service and endorsements stay encoded here: only those who verify them open them.
 */
import { PublicKey, Signature } from "#common/crypto/keys.js";
import { fixedBytes, optional, raw, struct, text, u64 } from "#common/schema/index.js";
import { blob } from "./limits.js";

const X25519PublicKey = fixedBytes("X25519PublicKey", 32, { json: "base64" });

export class RakInitRequest extends struct("RuntimeCapabilityTEERakInitRequest", {
  /** Target information of the platform; empty where the platform needs none. */
  targetInfo: blob,
}) {}

export class RakReportResponse extends struct("RuntimeCapabilityTEERakReportResponse", {
  rakPub: PublicKey,
  rekPub: optional(X25519PublicKey),
  report: blob,
  nonce: text({ max: 1024 }),
}) {}

export class RakAvrRequest extends struct("RuntimeCapabilityTEERakAvrRequest", { avr: raw }) {}

export class RakQuoteRequest extends struct("RuntimeCapabilityTEERakQuoteRequest", { quote: raw }) {}

export class RakQuoteResponse extends struct("RuntimeCapabilityTEERakQuoteResponse", {
  /** Consensus height that the runtime saw when it attested. */
  height: u64,
  signature: Signature,
}) {}

export class UpdateEndorsementRequest extends struct("RuntimeCapabilityTEEUpdateEndorsementRequest", { ect: raw }) {}
