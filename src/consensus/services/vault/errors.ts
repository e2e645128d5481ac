import { defineErrors } from "#common/errors/index.js";

export const MODULE_NAME = "vault";

/** Codespace `vault`. */
export const vaultErrors = defineErrors(MODULE_NAME, {
  invalidArgument: [1, "vault: invalid argument"],
  noSuchVault: [2, "vault: no such vault"],
  noSuchState: [3, "vault: no such state"],
  invalidNonce: [4, "vault: invalid nonce"],
  forbidden: [5, "vault: forbidden"],
  noSuchAction: [6, "vault: no such action"],
  unsupportedAction: [7, "vault: action not supported"],
});
