import { unknown } from "#common/errors/index.js";
import { hash } from "#common/hash.js";
import type { KeyValueReader, KeyValueStore } from "#mkvs/key-value.js";
import { hashedPart, hashPart, table, u8Part } from "../../app/table.js";
import { loadRuntime } from "../registry/state.js";
import { type Runtime, RUNTIME_KEY_MANAGER } from "../registry/types/runtime.js";
import { ChurpStatus } from "./types/churp.js";
import { KeyManagerStatus, SignedEncryptedEphemeralSecret, SignedEncryptedMasterSecret } from "./types/secrets.js";

/** Runtime identifier -> status. */
const statuses = table(0x70, [hashedPart], KeyManagerStatus);
/** Runtime identifier -> the proposal for the next master secret, or the last one. */
export const masterSecrets = table(0x72, [hashedPart], SignedEncryptedMasterSecret);
/** Runtime identifier -> newest ephemeral secret. */
export const ephemeralSecrets = table(0x73, [hashedPart], SignedEncryptedEphemeralSecret);
/** Runtime identifier, instance -> status. */
const churpStatuses = table(0x75, [hashedPart, u8Part], ChurpStatus);
/** The same family with keys as they are read back. */
const churpStatusesByHash = table(0x75, [hashPart, u8Part], ChurpStatus);

/**
 * An active key manager runtime.
 * @throws CodedError registry/11 when there is none of this identifier, unknown/1 when it is of another kind
 */
export function loadKeyManager(state: KeyValueReader, id: Uint8Array): Runtime {
  const runtime = loadRuntime(state, id);
  if (runtime.kind !== RUNTIME_KEY_MANAGER) throw unknown("keymanager: runtime is not a key manager");
  return runtime;
}

export function getStatus(state: KeyValueReader, id: Uint8Array): KeyManagerStatus | undefined {
  return statuses.get(state, id);
}

/** All statuses, in the order of hashed identifiers. */
export function statusList(state: KeyValueReader): KeyManagerStatus[] {
  return statuses.entries(state).map(([, status]) => status);
}

export function setStatus(state: KeyValueStore, status: KeyManagerStatus): void {
  statuses.set(state, [status.id], status);
}

export function getChurpStatus(state: KeyValueReader, runtimeId: Uint8Array, id: number): ChurpStatus | undefined {
  return churpStatuses.get(state, runtimeId, id);
}

/** Instances of a key manager, by identifier. */
export function churpStatusList(state: KeyValueReader, runtimeId: Uint8Array): ChurpStatus[] {
  return churpStatusesByHash.entries(state, hash(runtimeId)).map(([, status]) => status);
}

/** Instances of all key managers. */
export function allChurpStatuses(state: KeyValueReader): ChurpStatus[] {
  return churpStatuses.entries(state).map(([, status]) => status);
}

export function setChurpStatus(state: KeyValueStore, status: ChurpStatus): void {
  churpStatuses.set(state, [status.runtimeId, status.id], status);
}
