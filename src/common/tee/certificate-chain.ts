/** Chains of certificates up to a pinned one, judged as the reference judges them (registry: TEE verification). */
import { equalBytes } from "../bytes.js";
import type { Timestamp } from "../schema/index.js";
import { type Certificate, isSignedWith } from "./certificate.js";
import { isBefore } from "./evidence-time.js";
import { demand } from "./evidence-rejected.js";

function demandValidAt(certificate: Certificate, now: Timestamp): void {
  demand(!isBefore(now, certificate.notBefore), "certificate not yet valid");
  demand(!isBefore(certificate.notAfter, now), "certificate expired");
}

/** Whether a certificate issued another one and may stand above `below` intermediates. */
function issued(parent: Certificate, child: Certificate, below: number): boolean {
  const { isAuthority, maySignCertificates, pathLength } = parent.usage;
  return (
    equalBytes(child.issuer, parent.subject) &&
    isAuthority &&
    maySignCertificates &&
    below <= (pathLength ?? below) &&
    child.signatureKind === parent.key.kind &&
    isSignedWith(parent.key, child.signed, child.signature)
  );
}

/**
 * Checks that a certificate leads to the pinned root, either directly or through the one intermediate given.
 * @throws EvidenceRejected
 */
export function verifyCertificate(
  leaf: Certificate,
  intermediate: Certificate | undefined,
  root: Certificate,
  now: Timestamp,
): void {
  demandValidAt(leaf, now);
  if (equalBytes(leaf.raw, root.raw)) return;
  let chain = [leaf];
  let below = 0;
  if (!equalBytes(leaf.issuer, root.subject) && intermediate !== undefined) {
    demand(issued(intermediate, leaf, 0), "certificate not issued by the one given above it");
    demandValidAt(intermediate, now);
    chain = [leaf, intermediate];
    below = 1;
  }
  const last = chain[below] as Certificate;
  demand(issued(root, last, below), "certificate not issued by the trusted root");
  demandValidAt(root, now);
  demand(
    [...chain, root].every(({ usage }) => usage.fitsPurpose),
    "certificate for another purpose",
  );
}
