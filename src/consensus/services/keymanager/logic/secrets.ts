/** Checks of policies and published secrets (key manager: secrets). */
import { equalBytes } from "#common/bytes.js";
import { type AcceptancePolicy, verify } from "#common/crypto/signature.js";
import { unknown } from "#common/errors/index.js";
import type { SortedMap } from "#common/sorted-map.js";
import {
  type EncryptedSecret,
  type KeyManagerStatus,
  nextGeneration,
  POLICY_CONTEXT,
  PolicySgx,
  type SignedPolicySgx,
} from "../types/secrets.js";

/** Percent of the committee's enclaves that must be able to decrypt a secret. */
const MIN_ENCLAVES_PERCENT = 66;

/**
 * Checks a policy, and that it may follow the current one if there is one. A policy without signatures passes: whose
 * signatures are needed only the enclaves know.
 * @throws CodedError unknown/1
 */
export function checkPolicy(current: SignedPolicySgx | null, next: SignedPolicySgx, policy: AcceptancePolicy): void {
  const message = PolicySgx.encode(next.policy);
  for (const { publicKey, signature } of next.signatures ?? []) {
    const ok = verify(publicKey, POLICY_CONTEXT, message, signature, { policy });
    if (!ok) throw unknown("keymanager: sanity check failed: SGX policy signature is invalid");
  }
  if (current === null) return;
  if (!equalBytes(current.policy.id, next.policy.id)) throw unknown("keymanager: SGX policy runtime ID changed");
  if (current.policy.serial >= next.policy.serial) throw unknown("keymanager: SGX policy serial did not increase");
}

/**
 * Checks that a secret is encrypted for the committee: for its enclaves only, and for enough of them.
 * @param reks encryption keys of the committee
 * @throws CodedError unknown/1
 */
export function checkEncryption(secret: EncryptedSecret, reks: SortedMap<Uint8Array, true>): void {
  if (reks.size === 0) throw unknown("keymanager: secret has to be encrypted with at least one key");
  for (const key of secret.ciphertexts?.keys() ?? []) {
    if (!reks.has(key)) throw unknown("keymanager: secret is encrypted with an unknown key");
  }
  const count = secret.ciphertexts?.size ?? 0;
  if (count * 100 < MIN_ENCLAVES_PERCENT * reks.size)
    throw unknown("keymanager: secret is not encrypted with enough keys");
}

/**
 * Checks that the master secret may be rotated in an epoch; the first one may always be made.
 * @throws CodedError unknown/1
 */
export function checkRotation(status: KeyManagerStatus, epoch: bigint): void {
  if (nextGeneration(status) === 0n) return;
  const interval = status.policy?.policy.masterSecretRotationInterval ?? 0n;
  if (interval === 0n) throw unknown("keymanager: master secret rotation disabled");
  const due = BigInt.asUintN(64, status.rotationEpoch + interval);
  if (epoch < due) throw unknown("keymanager: master secret rotation interval has not yet expired");
}
