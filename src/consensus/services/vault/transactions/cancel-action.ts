import { isReserved } from "#common/address.js";
import type { Context } from "../../../app/context.js";
import { defineTransaction } from "../../../app/define-service.js";
import { vaultErrors } from "../errors.js";
import { actionCanceled } from "../events.js";
import { belongsToVault, mayAuthorize } from "../logic/authority.js";
import { GAS_CANCEL_ACTION, gasCosts } from "../params.js";
import { getPendingAction, loadVault, removePendingAction, setVault } from "../state.js";
import { CancelAction } from "../types.js";

function check(ctx: Context, { vault: address, nonce }: CancelAction): void {
  if (isReserved(address)) throw vaultErrors.invalidArgument("invalid vault address");
  const vault = loadVault(ctx.state, address);
  if (nonce !== vault.nonce) throw vaultErrors.invalidNonce();
  if (!belongsToVault(vault, ctx.caller)) throw vaultErrors.forbidden();
}

function cancel(ctx: Context, { vault: address, nonce }: CancelAction): void {
  const vault = loadVault(ctx.state, address);
  const pending = getPendingAction(ctx.state, address, nonce);
  if (pending === undefined) throw vaultErrors.noSuchAction();
  if (!mayAuthorize(pending.action, vault, ctx.caller)) throw vaultErrors.forbidden();
  ctx.emit(actionCanceled, { vault: address, nonce });
  removePendingAction(ctx.state, address, nonce);
  vault.nonce = BigInt.asUintN(64, vault.nonce + 1n);
  setVault(ctx.state, vault);
}

/** Drops the pending action of a vault. */
export const cancelAction = defineTransaction({
  method: "vault.CancelAction",
  body: CancelAction,
  invalidBody: vaultErrors.invalidArgument,
  gasOp: GAS_CANCEL_ACTION,
  gasCosts,
  inCheckTx: "accept",
  before: check,
  execute: cancel,
});
