import type { KeyValueReader } from "#mkvs/key-value.js";
import { churpErrors, keyManagerErrors } from "./errors.js";
import { withHandoffAt } from "./logic/handoff.js";
import {
  type ChurpGenesis,
  ChurpParameters,
  churpParameters,
  type KeyManagerGenesis,
  keyManagerParameters,
} from "./params.js";
import {
  allChurpStatuses,
  churpStatusList,
  ephemeralSecrets,
  getChurpStatus,
  getStatus,
  masterSecrets,
  statusList,
} from "./state.js";
import { type ChurpStatus, HANDOFFS_DISABLED } from "./types/churp.js";
import type { KeyManagerStatus, SignedEncryptedEphemeralSecret, SignedEncryptedMasterSecret } from "./types/secrets.js";

/** `GetStatus`. @throws CodedError keymanager/2 */
export function status(state: KeyValueReader, id: Uint8Array): KeyManagerStatus {
  const found = getStatus(state, id);
  if (found === undefined) throw keyManagerErrors.noSuchStatus();
  return found;
}

/** `GetStatuses`, in the order of hashed identifiers. */
export function statuses(state: KeyValueReader): KeyManagerStatus[] {
  return statusList(state);
}

/** `GetMasterSecret`. @throws CodedError keymanager/3 */
export function masterSecret(state: KeyValueReader, id: Uint8Array): SignedEncryptedMasterSecret {
  const found = masterSecrets.get(state, id);
  if (found === undefined) throw keyManagerErrors.noSuchMasterSecret();
  return found;
}

/** `GetEphemeralSecret`. @throws CodedError keymanager/4 */
export function ephemeralSecret(state: KeyValueReader, id: Uint8Array): SignedEncryptedEphemeralSecret {
  const found = ephemeralSecrets.get(state, id);
  if (found === undefined) throw keyManagerErrors.noSuchEphemeralSecret();
  return found;
}

/** `Churp.ConsensusParameters`; empty where CHURP is unknown. */
export function churpConsensusParameters(state: KeyValueReader): ChurpParameters {
  return churpParameters.get(state) ?? ChurpParameters.zero();
}

/** `Churp.Status`. @throws CodedError keymanager/churp/1 */
export function churpStatus(state: KeyValueReader, runtimeId: Uint8Array, id: number): ChurpStatus {
  const found = getChurpStatus(state, runtimeId, id);
  if (found === undefined) throw churpErrors.noSuchStatus();
  return found;
}

/** `Churp.Statuses`: instances of a key manager. */
export function churpStatuses(state: KeyValueReader, runtimeId: Uint8Array): ChurpStatus[] {
  return churpStatusList(state, runtimeId);
}

/** `Churp.AllStatuses`: instances of all key managers. */
export function churpAllStatuses(state: KeyValueReader): ChurpStatus[] {
  return allChurpStatuses(state);
}

/** `Churp.StateToGenesis`: a handoff that is under way does not survive. */
export function churpToGenesis(state: KeyValueReader): ChurpGenesis {
  return {
    params: churpConsensusParameters(state),
    statuses: allChurpStatuses(state).map((s) => withHandoffAt(s, HANDOFFS_DISABLED)),
  };
}

/** `StateToGenesis`: committees do not survive. */
export function toGenesis(state: KeyValueReader): KeyManagerGenesis {
  return {
    params: keyManagerParameters.load(state),
    statuses: statusList(state).map((s) => ({ ...s, nodes: null })),
    churp: churpToGenesis(state),
  };
}
