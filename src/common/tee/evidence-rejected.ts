/** Why a piece of evidence about trusted hardware does not count (registry: TEE verification). */
import { DecodeError } from "../errors/index.js";

/** Evidence is malformed, not signed by whom it should be, out of date, or not what a policy allows. */
export class EvidenceRejected extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "EvidenceRejected";
  }
}

/**
 * Refuses evidence unless a condition holds.
 * @throws EvidenceRejected with the reason
 */
export function demand(ok: boolean, reason: string): asserts ok {
  if (!ok) throw new EvidenceRejected(reason);
}

/**
 * Runs a decoder of untrusted bytes; whatever it refuses is refused here, with the name of the thing it read.
 * @throws EvidenceRejected
 */
export function readEvidence<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof EvidenceRejected || error instanceof DecodeError) {
      throw new EvidenceRejected(`${what}: ${error.message}`);
    }
    throw error;
  }
}
