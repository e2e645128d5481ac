/** Verification of a quote of either kind (registry: TEE verification). */
import type { Timestamp } from "../schema/index.js";
import type { EnclavePolicy } from "./enclave-policy.js";
import { EvidenceRejected } from "./evidence-rejected.js";
import { verifyIasReport } from "./ias-report.js";
import type { Quote } from "./quote.js";
import type { QuotePolicy } from "./quote-policy.js";
import type { VerifiedQuote } from "./verified-quote.js";
import { verifyDcapQuote } from "./verify-dcap-quote.js";

/**
 * Verifies a quote at a point in time.
 *
 * @param policy what the deployment asks for; each kind of quote has its own part
 * @param enclaves what this node accepts at all
 * @throws EvidenceRejected; TcbOutOfDate when only patches are missing
 */
export function verifyQuote(
  quote: Quote,
  policy: QuotePolicy | undefined,
  enclaves: EnclavePolicy,
  now: Timestamp,
): VerifiedQuote {
  const { ias, pcs } = quote;
  if (ias !== undefined && pcs === undefined) return verifyIasReport(ias, policy?.ias, enclaves, now);
  if (pcs !== undefined && ias === undefined) return verifyDcapQuote(pcs, policy?.pcs, enclaves, now);
  throw new EvidenceRejected("exactly one kind of quote must be there");
}
