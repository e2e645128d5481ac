/** The decision on withdrawals from vaults, and changes of parameters (vault: withdraw hook). */
import type { Context } from "../../app/context.js";
import { on, type Subscription } from "../../app/dispatch.js";
import { parameterChangeSubscriptions } from "../../app/parameter-changes.js";
import { type WithdrawHookInvocation, withdrawHook } from "../staking/types/index.js";
import { MODULE_NAME, vaultErrors } from "./errors.js";
import { afterWithdrawal } from "./logic/withdrawals.js";
import {
  applyChanges,
  checkChanges,
  checkParameters,
  getParameters,
  setParameters,
  VaultParameterChanges,
} from "./params.js";
import { loadAddressState, loadVault, setAddressState } from "./state.js";
import { STATE_ACTIVE } from "./types.js";

function answerHook(ctx: Context, { destination, from, to, amount }: WithdrawHookInvocation): true | undefined {
  if (destination.module !== MODULE_NAME) return undefined;
  if (loadVault(ctx.state, from).state !== STATE_ACTIVE) throw vaultErrors.forbidden();
  const after = afterWithdrawal(loadAddressState(ctx.state, from, to), ctx.height, amount);
  if (after === undefined) throw vaultErrors.forbidden();
  setAddressState(ctx.state, from, to, after);
  return true;
}

function change(ctx: Context, changes: VaultParameterChanges, apply: boolean): void {
  const current = getParameters(ctx.state);
  checkChanges(changes);
  const params = applyChanges(current, changes);
  checkParameters(params);
  if (apply) setParameters(ctx.state, params);
}

export const messages: readonly Subscription[] = [
  on(withdrawHook, answerHook),
  ...parameterChangeSubscriptions({ module: MODULE_NAME, schema: VaultParameterChanges, change }),
];
