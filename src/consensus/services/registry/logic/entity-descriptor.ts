/** Checks of an entity descriptor before it may be stored (registry: RegisterEntity). */
import { compareBytes, equalBytes } from "#common/bytes.js";
import type { AcceptancePolicy } from "#common/crypto/signature.js";
import { SignatureInvalid } from "#common/crypto/signed.js";
import { DecodeError } from "#common/errors/index.js";
import { registryErrors } from "../errors.js";
import type { Entity } from "../types/entity.js";
import { SignedEntity } from "../types/signed.js";

/** Runs an opening of an envelope: a wrong signature and a malformed content are the same answer. */
export function opened<T>(open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (error instanceof SignatureInvalid || error instanceof DecodeError) {
      throw registryErrors.invalidSignature(error.message);
    }
    throw error;
  }
}

/**
 * Verifies the signature of an entity descriptor and what it says about itself.
 * @throws CodedError registry/2 for a wrong signature or malformed content, registry/1 for the rest
 */
export function verifyEntity(envelope: SignedEntity, policy: AcceptancePolicy): Entity {
  const entity = opened(() => SignedEntity.open(envelope, { policy }));
  if (!equalBytes(envelope.signature.publicKey, entity.id))
    throw registryErrors.invalidArgument("not signed by itself");
  if (entity.nodes.some((id) => policy.forbids(id))) throw registryErrors.invalidArgument("malformed node id");
  const sorted = [...entity.nodes].sort(compareBytes);
  const repeated = sorted.some((id, i) => i > 0 && equalBytes(id, sorted[i - 1] as Uint8Array));
  if (repeated) throw registryErrors.invalidArgument("duplicate nodes");
  return entity;
}
