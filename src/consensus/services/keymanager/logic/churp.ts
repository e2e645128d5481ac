/** Checks of CHURP requests (key manager: CHURP). */
import { equalBytes } from "#common/bytes.js";
import { type AcceptancePolicy, verify } from "#common/crypto/signature.js";
import { unknown } from "#common/errors/index.js";
import {
  CHURP_POLICY_CONTEXT,
  type ChurpCreate,
  ChurpPolicy,
  type ChurpUpdate,
  type SignedChurpPolicy,
} from "../types/churp.js";

/** With a larger threshold a polynomial's degree would not fit into eight bits. */
const MAX_THRESHOLD = 127;

function checkIdentity(policy: SignedChurpPolicy, request: ChurpCreate | ChurpUpdate): void {
  const { id, runtimeId } = policy.policy;
  if (id !== request.id) throw unknown("keymanager: churp: policy ID mismatch");
  if (!equalBytes(runtimeId, request.runtimeId)) throw unknown("keymanager: churp: policy runtime ID mismatch");
}

/** @throws CodedError unknown/1 */
export function checkCreate(request: ChurpCreate): void {
  if (request.suiteId > 0) throw unknown(`keymanager: churp: unsupported suite, ID ${request.suiteId}`);
  if (request.threshold > MAX_THRESHOLD) throw unknown("keymanager: churp: threshold too large");
  checkIdentity(request.policy, request);
}

/** @throws CodedError unknown/1 */
export function checkUpdate(request: ChurpUpdate): void {
  const { extraShares, handoffInterval, policy } = request;
  if (extraShares === undefined && handoffInterval === undefined && policy === undefined) {
    throw unknown("keymanager: churp: update config should not be empty");
  }
  if (policy !== undefined) checkIdentity(policy, request);
}

/**
 * Checks serial and signatures of a policy.
 * @param previous the policy in force, undefined for a new instance
 * @throws CodedError unknown/1
 */
export function checkChurpPolicy(
  signed: SignedChurpPolicy,
  previous: ChurpPolicy | undefined,
  policy: AcceptancePolicy,
): void {
  const next = signed.policy;
  if (previous !== undefined && (next.id !== previous.id || !equalBytes(next.runtimeId, previous.runtimeId))) {
    throw unknown("keymanager: churp: policy identity changed");
  }
  // The serial number of the reference has 32 bits and wraps.
  const serial = previous === undefined ? 0 : (previous.serial + 1) >>> 0;
  if (next.serial !== serial) throw unknown(`keymanager: churp: policy serial number must be ${serial}`);
  const message = ChurpPolicy.encode(next);
  for (const { publicKey, signature } of signed.signatures) {
    const ok = verify(publicKey, CHURP_POLICY_CONTEXT, message, signature, { policy });
    if (!ok) throw unknown("keymanager: churp: policy signature is invalid");
  }
}
