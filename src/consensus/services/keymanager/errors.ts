import { defineErrors } from "#common/errors/index.js";

/** Name of the service and of its genesis section. */
export const MODULE_NAME = "keymanager";
/** Name of the application with its order prefix. */
export const APP_NAME = "999_keymanager";

/** Codespace `keymanager`. */
export const keyManagerErrors = defineErrors(MODULE_NAME, {
  invalidArgument: [1, "keymanager: invalid argument"],
  noSuchStatus: [2, "keymanager: no such status"],
  noSuchMasterSecret: [3, "keymanager: no such master secret"],
  noSuchEphemeralSecret: [4, "keymanager: no such ephemeral secret"],
});

/** Codespace `keymanager/churp`. */
export const churpErrors = defineErrors("keymanager/churp", {
  noSuchStatus: [1, "keymanager: churp: no such status"],
});
