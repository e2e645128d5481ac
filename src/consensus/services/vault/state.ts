/** Vaults, what addresses may withdraw, and pending actions (vault: state keys). */
import { SortedMap } from "#common/sorted-map.js";
import type { KeyValueReader, KeyValueStore } from "#mkvs/key-value.js";
import { addressPart, table, u64Part } from "../../app/table.js";
import { vaultErrors } from "./errors.js";
import { AddressState, PendingAction, Vault, vaultAddress } from "./types.js";

const vaults = table(0x30, [addressPart], Vault);
/** Vault, address. */
const addressStates = table(0x31, [addressPart, addressPart], AddressState);
/** Vault, nonce. */
const pendingActions = table(0x32, [addressPart, u64Part], PendingAction);

export function hasVault(state: KeyValueReader, address: Uint8Array): boolean {
  return vaults.has(state, address);
}

/** @throws CodedError vault/2 when there is no such vault */
export function loadVault(state: KeyValueReader, address: Uint8Array): Vault {
  const vault = vaults.get(state, address);
  if (vault === undefined) throw vaultErrors.noSuchVault();
  return vault;
}

/** All vaults, by address. */
export function vaultList(state: KeyValueReader): Vault[] {
  return vaults.entries(state).map(([, vault]) => vault);
}

export function setVault(state: KeyValueStore, vault: Vault): void {
  vaults.set(state, [vaultAddress(vault)], vault);
}

export function getAddressState(
  state: KeyValueReader,
  vault: Uint8Array,
  address: Uint8Array,
): AddressState | undefined {
  return addressStates.get(state, vault, address);
}

/** @throws CodedError vault/3 when nothing was ever set for the address */
export function loadAddressState(state: KeyValueReader, vault: Uint8Array, address: Uint8Array): AddressState {
  const found = getAddressState(state, vault, address);
  if (found === undefined) throw vaultErrors.noSuchState();
  return found;
}

/** States of a vault's addresses. */
export function addressStatesOf(state: KeyValueReader, vault: Uint8Array): SortedMap<Uint8Array, AddressState> {
  const out = SortedMap.bytes<AddressState>();
  for (const [[, address], found] of addressStates.entries(state, vault)) out.set(address, found);
  return out;
}

export function setAddressState(state: KeyValueStore, vault: Uint8Array, address: Uint8Array, s: AddressState): void {
  addressStates.set(state, [vault, address], s);
}

export function getPendingAction(state: KeyValueReader, vault: Uint8Array, nonce: bigint): PendingAction | undefined {
  return pendingActions.get(state, vault, nonce);
}

/** Pending actions of a vault, by nonce. */
export function pendingActionList(state: KeyValueReader, vault: Uint8Array): PendingAction[] {
  return pendingActions.entries(state, vault).map(([, action]) => action);
}

export function setPendingAction(state: KeyValueStore, vault: Uint8Array, action: PendingAction): void {
  pendingActions.set(state, [vault, action.nonce], action);
}

export function removePendingAction(state: KeyValueStore, vault: Uint8Array, nonce: bigint): void {
  pendingActions.remove(state, vault, nonce);
}
