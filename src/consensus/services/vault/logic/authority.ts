/** Who may do what with a vault (vault: authorities, actions). */
import { isReserved } from "#common/address.js";
import { equalBytes, toHex } from "#common/bytes.js";
import { vaultErrors } from "../errors.js";
import type { VaultParameters } from "../params.js";
import type { Action, Authority, UpdateAuthority, Vault } from "../types.js";

function refuse(reason: string): never {
  throw vaultErrors.invalidArgument(reason);
}

/** @throws CodedError vault/1 */
export function checkAuthority({ addresses, threshold }: Authority, params: VaultParameters): void {
  const count = addresses?.length ?? 0;
  if (addresses === null || count === 0) refuse("no addresses");
  if (threshold === 0) refuse("threshold cannot be zero");
  if (threshold > count) refuse("threshold is larger than the number of addresses");
  if (count > params.maxAuthorityAddresses) {
    refuse(`too many addresses in authority (max: ${params.maxAuthorityAddresses} got: ${count})`);
  }
  const seen = new Set<string>();
  for (const address of addresses.map(toHex)) {
    if (seen.has(address)) refuse("duplicate address in authority");
    seen.add(address);
  }
}

/** @throws CodedError vault/1 */
export function checkUpdateAuthority(
  { adminAuthority, suspendAuthority }: UpdateAuthority,
  params: VaultParameters,
): void {
  if (adminAuthority !== undefined) checkAuthority(adminAuthority, params);
  if (suspendAuthority !== undefined) checkAuthority(suspendAuthority, params);
  if ((adminAuthority ?? suspendAuthority) === undefined) refuse("at least one authority must be updated");
}

/**
 * Checks an action as far as its content and the parameters tell.
 * @throws CodedError vault/1
 */
export function checkAction(action: Action, params: VaultParameters): void {
  const { suspend, resume, executeMessage, updateWithdrawPolicy, updateAuthority } = action;
  const kinds = [suspend, resume, executeMessage, updateWithdrawPolicy, updateAuthority];
  if (kinds.filter((kind) => kind !== undefined).length !== 1) refuse("exactly one action must be set");
  if (executeMessage?.method === "") refuse("malformed execute message method");
  if (updateWithdrawPolicy !== undefined && isReserved(updateWithdrawPolicy.address)) {
    refuse("malformed address in update withdraw policy");
  }
  if (updateAuthority !== undefined) checkUpdateAuthority(updateAuthority, params);
}

/** Authorities that may decide on an action: both on suspension and resumption, the admins on all else. */
function authoritiesFor({ suspend, resume }: Action, vault: Vault): readonly Authority[] {
  const either = (suspend ?? resume) !== undefined;
  return either ? [vault.adminAuthority, vault.suspendAuthority] : [vault.adminAuthority];
}

function contains({ addresses }: Authority, address: Uint8Array): boolean {
  return (addresses ?? []).some((member) => equalBytes(member, address));
}

/** Whether an address sits in any authority of a vault. */
export function belongsToVault(vault: Vault, address: Uint8Array): boolean {
  return contains(vault.adminAuthority, address) || contains(vault.suspendAuthority, address);
}

/** Whether an address has a say in an action. */
export function mayAuthorize(action: Action, vault: Vault, address: Uint8Array): boolean {
  return authoritiesFor(action, vault).some((authority) => contains(authority, address));
}

/** Whether those who agreed suffice for one of the authorities. */
export function isDecided(action: Action, vault: Vault, agreed: readonly Uint8Array[]): boolean {
  return authoritiesFor(action, vault).some((authority) => {
    const members = authority.addresses ?? [];
    return (
      members.filter((member) => agreed.some((address) => equalBytes(address, member))).length >= authority.threshold
    );
  });
}
