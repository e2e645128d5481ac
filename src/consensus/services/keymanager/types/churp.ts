/** Proactive secret sharing among key managers, called CHURP (key manager: CHURP). */
import { PublicKey, Signature } from "#common/crypto/keys.js";
import { defineContext } from "#common/crypto/signature.js";
import { KeyedSignature } from "#common/crypto/signed.js";
import { Hash } from "#common/hash.js";
import { FRAME_ELEMENTS } from "#common/limits.js";
import { Namespace } from "#common/namespace.js";
import { bool, list, map, nullable, omitEmpty, optional, struct, u32, u64, u8 } from "#common/schema/index.js";
import { EnclaveIdentity } from "#common/tee/enclave-identity.js";

export const CHURP_POLICY_CONTEXT = defineContext("oasis-core/keymanager/churp: policy");
export const APPLICATION_CONTEXT = defineContext("oasis-core/keymanager/churp: application request");
export const CONFIRMATION_CONTEXT = defineContext("oasis-core/keymanager/churp: confirmation request");

/** Epoch of the next handoff when there is to be none. */
export const HANDOFFS_DISABLED = 0xffffffffffffffffn;

const many = { max: FRAME_ELEMENTS };
const Enclaves = nullable(list(EnclaveIdentity, many));

export class ChurpPolicy extends struct("ChurpPolicy", {
  id: u8,
  runtimeId: Namespace,
  serial: u32,
  /** Enclaves that hand shares over. */
  mayShare: Enclaves,
  /** Enclaves that may form the next committee. */
  mayJoin: Enclaves,
  /** Enclaves that may ask for key shares; a present but empty map counts as given. */
  mayQuery: omitEmpty(nullable(map(Namespace, Enclaves, many))),
}) {}

export class SignedChurpPolicy extends struct("SignedChurpPolicy", {
  policy: ChurpPolicy,
  signatures: omitEmpty(list(KeyedSignature, many)),
}) {}

/** A node that wants to be in the next committee. */
export class ChurpApplication extends struct("ChurpApplication", {
  /** Hash of its verification matrix. */
  checksum: Hash,
  /** Whether it has its share of the secret. */
  reconstructed: bool,
}) {}

/** State of one instance. */
export class ChurpStatus extends struct("ChurpStatus", {
  id: u8,
  runtimeId: Namespace,
  suiteId: u8,
  /** Degree of the polynomial: one more share than this recovers the secret. */
  threshold: u8,
  extraShares: u8,
  /** Epochs; 0 means that there are no handoffs. */
  handoffInterval: u64,
  policy: SignedChurpPolicy,
  /** Epoch of the last complete handoff; 0 when there was none. */
  handoff: u64,
  checksum: optional(Hash),
  committee: omitEmpty(list(PublicKey, many)),
  nextHandoff: u64,
  nextChecksum: optional(Hash),
  applications: omitEmpty(map(PublicKey, ChurpApplication, many)),
}) {}

/** Starts an instance. */
export class ChurpCreate extends struct("ChurpCreate", {
  id: u8,
  runtimeId: Namespace,
  suiteId: omitEmpty(u8),
  threshold: omitEmpty(u8),
  extraShares: omitEmpty(u8),
  handoffInterval: omitEmpty(u64),
  policy: SignedChurpPolicy,
}) {}

/** Changes an instance; absent members stay as they are. */
export class ChurpUpdate extends struct("ChurpUpdate", {
  id: u8,
  runtimeId: Namespace,
  extraShares: optional(u8),
  handoffInterval: optional(u64),
  policy: optional(SignedChurpPolicy),
}) {}

/** Applies for the committee of a handoff, or confirms that the node has its share. */
export class ChurpRequest extends struct("ChurpRequest", {
  id: u8,
  runtimeId: Namespace,
  /** Epoch of the handoff. */
  epoch: u64,
  /** Hash of the verification matrix. */
  checksum: Hash,
}) {}

/** Signed by the enclave's attestation key. */
export class SignedApplication extends struct("SignedApplication", {
  application: ChurpRequest,
  signature: Signature,
}) {}

/** Signed by the enclave's attestation key. */
export class SignedConfirmation extends struct("SignedConfirmation", {
  confirmation: ChurpRequest,
  signature: Signature,
}) {}
