import { isReserved } from "#common/address.js";
import { equalBytes } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import type { Context } from "../../../app/context.js";
import { defineTransaction } from "../../../app/define-service.js";
import { vaultErrors } from "../errors.js";
import { actionExecuted, actionSubmitted } from "../events.js";
import { checkAction, isDecided, mayAuthorize } from "../logic/authority.js";
import { GAS_AUTHORIZE_ACTION, gasCosts, getParameters } from "../params.js";
import { getPendingAction, loadVault, removePendingAction, setPendingAction, setVault } from "../state.js";
import { Action, AuthorizeAction, type PendingAction, type Vault } from "../types.js";
import { executeAction } from "./execute-action.js";

/** Executes an action; an error of it is a result like any other and undoes nothing. */
function outcome(ctx: Context, vault: Vault, action: Action): { module: string; code: number } {
  try {
    executeAction(ctx, vault, action);
    return { module: "", code: 0 };
  } catch (error) {
    if (error instanceof CodedError) return { module: error.module, code: error.code };
    throw error;
  }
}

function check(ctx: Context, { vault: address, nonce, action }: AuthorizeAction): void {
  const params = getParameters(ctx.state);
  if (isReserved(address)) throw vaultErrors.invalidArgument("invalid vault address");
  checkAction(action, params);
  const vault = loadVault(ctx.state, address);
  if (nonce !== vault.nonce) throw vaultErrors.invalidNonce();
  if (!mayAuthorize(action, vault, ctx.caller)) throw vaultErrors.forbidden();
}

function authorize(ctx: Context, { vault: address, nonce, action }: AuthorizeAction): void {
  // What the service itself stores goes to the outer state: an action that changes the same records wins over it.
  const { state } = ctx;
  const vault = loadVault(state, address);
  ctx.transaction((child) => {
    const known = getPendingAction(state, address, nonce);
    if (known !== undefined && !Action.equals(known.action, action)) throw vaultErrors.invalidArgument();
    const pending: PendingAction = known ?? { nonce, authorizedBy: [], action };
    child.emit(actionSubmitted, { submitter: ctx.caller, vault: address, nonce });
    const agreed = pending.authorizedBy ?? [];
    if (!agreed.some((other) => equalBytes(other, ctx.caller))) {
      agreed.push(ctx.caller);
      setPendingAction(state, address, { ...pending, authorizedBy: agreed });
    }
    if (!isDecided(pending.action, vault, agreed)) return;
    const result = outcome(child, vault, pending.action);
    child.emit(actionExecuted, { vault: address, nonce, result });
    removePendingAction(state, address, nonce);
    vault.nonce = BigInt.asUintN(64, vault.nonce + 1n);
    setVault(state, vault);
  });
}

/** Agrees to an action of a vault; the last one needed executes it. */
export const authorizeAction = defineTransaction({
  method: "vault.AuthorizeAction",
  body: AuthorizeAction,
  invalidBody: vaultErrors.invalidArgument,
  gasOp: GAS_AUTHORIZE_ACTION,
  gasCosts,
  inCheckTx: "accept",
  // Executing an action may cost more gas than authorizing it.
  inSimulation: "run",
  before: check,
  execute: authorize,
});
