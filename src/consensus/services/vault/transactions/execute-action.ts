/** What the actions of a vault do (vault: actions). */
import type { Context } from "../../../app/context.js";
import { executeSubcall } from "../../../app/subcall.js";
import { vaultErrors } from "../errors.js";
import { authorityUpdated, policyUpdated, stateChanged } from "../events.js";
import { checkUpdateAuthority } from "../logic/authority.js";
import { withPolicy } from "../logic/withdrawals.js";
import { getParameters } from "../params.js";
import { getAddressState, setAddressState } from "../state.js";
import {
  type Action,
  AddressState,
  STATE_ACTIVE,
  STATE_SUSPENDED,
  type UpdateAuthority,
  type UpdateWithdrawPolicy,
  type Vault,
  vaultAddress,
} from "../types.js";

function changeState(ctx: Context, vault: Vault, newState: number): void {
  const oldState = vault.state;
  if (oldState === newState) return;
  vault.state = newState;
  ctx.emit(stateChanged, { vault: vaultAddress(vault), oldState, newState });
}

function updatePolicy(ctx: Context, vault: Uint8Array, { address, policy }: UpdateWithdrawPolicy): void {
  const before = getAddressState(ctx.state, vault, address) ?? AddressState.zero();
  setAddressState(ctx.state, vault, address, withPolicy(before, policy));
  ctx.emit(policyUpdated, { vault, address });
}

function updateAuthorities(ctx: Context, vault: Vault, update: UpdateAuthority): void {
  // The parameters may have changed since the action was proposed.
  checkUpdateAuthority(update, getParameters(ctx.state));
  vault.adminAuthority = update.adminAuthority ?? vault.adminAuthority;
  vault.suspendAuthority = update.suspendAuthority ?? vault.suspendAuthority;
  ctx.emit(authorityUpdated, { vault: vaultAddress(vault) });
}

/** Does what an action says; changes of the vault itself are made to the object, which the caller stores. */
export function executeAction(ctx: Context, vault: Vault, action: Action): void {
  const { suspend, resume, updateWithdrawPolicy, updateAuthority, executeMessage } = action;
  if (suspend !== undefined) changeState(ctx, vault, STATE_SUSPENDED);
  else if (resume !== undefined) changeState(ctx, vault, STATE_ACTIVE);
  else if (updateWithdrawPolicy !== undefined) updatePolicy(ctx, vaultAddress(vault), updateWithdrawPolicy);
  else if (updateAuthority !== undefined) updateAuthorities(ctx, vault, updateAuthority);
  else if (executeMessage !== undefined) {
    const { method, body } = executeMessage;
    ctx.publish(executeSubcall, { caller: vaultAddress(vault), method, body });
  } else throw vaultErrors.unsupportedAction();
}
