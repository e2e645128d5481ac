import type { Context } from "../../../app/context.js";
import { defineTransaction } from "../../../app/define-service.js";
import { getAccount, setAccountHook } from "../../staking/state/index.js";
import { HOOK_WITHDRAW } from "../../staking/types/index.js";
import { MODULE_NAME, vaultErrors } from "../errors.js";
import { checkAuthority } from "../logic/authority.js";
import { GAS_CREATE, gasCosts, getParameters } from "../params.js";
import { hasVault, setVault } from "../state.js";
import { Create, STATE_ACTIVE, type Vault, vaultAddress } from "../types.js";

function createVault(ctx: Context, { adminAuthority, suspendAuthority }: Create): void {
  const creator = ctx.caller;
  const id = getAccount(ctx.state, creator).general.nonce;
  const vault: Vault = { creator, id, state: STATE_ACTIVE, nonce: 0n, adminAuthority, suspendAuthority };
  const address = vaultAddress(vault);
  if (hasVault(ctx.state, address)) throw vaultErrors.invalidArgument();
  setVault(ctx.state, vault);
  setAccountHook(ctx.state, address, HOOK_WITHDRAW, MODULE_NAME);
}

/** Creates a vault; withdrawals from its account are decided by the vault's policies. */
export const create = defineTransaction({
  method: "vault.Create",
  body: Create,
  invalidBody: vaultErrors.invalidArgument,
  gasOp: GAS_CREATE,
  gasCosts,
  inCheckTx: "accept",
  before(ctx, body) {
    const params = getParameters(ctx.state);
    checkAuthority(body.adminAuthority, params);
    checkAuthority(body.suspendAuthority, params);
  },
  execute: createVault,
});
