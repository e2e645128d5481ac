/** Master and ephemeral secrets, their policy and the committee that keeps them (key manager: secrets). */
import { PublicKey, Signature, X25519PublicKey } from "#common/crypto/keys.js";
import { defineContext } from "#common/crypto/signature.js";
import { KeyedSignature } from "#common/crypto/signed.js";
import { FRAME_BYTES, FRAME_ELEMENTS } from "#common/limits.js";
import { Namespace } from "#common/namespace.js";
import { bool, bytes, list, map, nullable, omitEmpty, optional, struct, u32, u64 } from "#common/schema/index.js";
import { EnclaveIdentity } from "#common/tee/enclave-identity.js";

export const POLICY_CONTEXT = defineContext("oasis-core/keymanager: policy");
export const MASTER_SECRET_CONTEXT = defineContext("oasis-core/keymanager: encrypted master secret");
export const EPHEMERAL_SECRET_CONTEXT = defineContext("oasis-core/keymanager: encrypted ephemeral secret");
export const INIT_RESPONSE_CONTEXT = defineContext("oasis-core/keymanager: init response");

/** Length of a checksum in bytes. */
export const CHECKSUM_SIZE = 32;

const many = { max: FRAME_ELEMENTS };
const blob = nullable(bytes({ max: FRAME_BYTES }));
const Enclaves = nullable(list(EnclaveIdentity, many));

/** Which enclaves may ask an enclave for keys, and which may copy the master secret. */
export class EnclavePolicySgx extends struct("EnclavePolicySgx", {
  mayQuery: nullable(map(Namespace, Enclaves, many)),
  mayReplicate: Enclaves,
}) {}

export class PolicySgx extends struct("PolicySgx", {
  serial: u32,
  /** Runtime of the key manager. */
  id: Namespace,
  enclaves: nullable(map(EnclaveIdentity, nullable(EnclavePolicySgx), many)),
  /** Epochs; 0 means that the master secret is never rotated. */
  masterSecretRotationInterval: omitEmpty(u64),
  /** Epochs. */
  maxEphemeralSecretAge: omitEmpty(u64),
}) {}

/** A policy with the signatures of those whom the enclaves trust; how many are needed only the enclaves know. */
export class SignedPolicySgx extends struct("SignedPolicySgx", {
  policy: PolicySgx,
  signatures: nullable(list(KeyedSignature, many)),
}) {}

/** State of a key manager. */
export class KeyManagerStatus extends struct("KeyManagerStatus", {
  id: Namespace,
  isInitialized: bool,
  isSecure: bool,
  /** Generation of the newest master secret. */
  generation: omitEmpty(u64),
  /** Epoch of its rotation. */
  rotationEpoch: omitEmpty(u64),
  /** Chained checksum over all generations; empty before the first one. */
  checksum: blob,
  /** The committee. */
  nodes: nullable(list(PublicKey, many)),
  policy: nullable(SignedPolicySgx),
  nextPolicy: optional(SignedPolicySgx),
  /** Key that the key manager's runtimes sign with. */
  rsk: optional(PublicKey),
}) {}

/** What an enclave says about itself when it has started; nodes carry it in their registration. */
export class InitResponse extends struct("InitResponse", {
  isSecure: bool,
  checksum: blob,
  nextChecksum: omitEmpty(bytes({ max: FRAME_BYTES })),
  policyChecksum: blob,
  rsk: optional(PublicKey),
  nextRsk: optional(PublicKey),
}) {}

export class SignedInitResponse extends struct("SignedInitResponse", { initResponse: InitResponse, signature: blob }) {}

/** A secret, encrypted once for each enclave of the committee. */
export class EncryptedSecret extends struct("EncryptedSecret", {
  checksum: blob,
  /** Public half of the key that the secret was encrypted with. */
  pubKey: X25519PublicKey,
  ciphertexts: nullable(map(X25519PublicKey, blob, many)),
}) {}

export class EncryptedMasterSecret extends struct("EncryptedMasterSecret", {
  runtimeId: Namespace,
  generation: u64,
  epoch: u64,
  secret: EncryptedSecret,
}) {}

/** Signed by the attestation key of an enclave of the committee. */
export class SignedEncryptedMasterSecret extends struct("SignedEncryptedMasterSecret", {
  secret: EncryptedMasterSecret,
  signature: Signature,
}) {}

export class EncryptedEphemeralSecret extends struct("EncryptedEphemeralSecret", {
  runtimeId: Namespace,
  epoch: u64,
  secret: EncryptedSecret,
}) {}

/** Signed by the attestation key of an enclave of the committee. */
export class SignedEncryptedEphemeralSecret extends struct("SignedEncryptedEphemeralSecret", {
  secret: EncryptedEphemeralSecret,
  signature: Signature,
}) {}

/** Generation of the next master secret. */
export function nextGeneration(status: KeyManagerStatus): bigint {
  return status.checksum === null || status.checksum.length === 0 ? 0n : BigInt.asUintN(64, status.generation + 1n);
}
