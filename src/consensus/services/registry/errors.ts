import { defineErrors } from "#common/errors/index.js";

/** Name of the module in errors, gas costs, parameter changes and stake claims. */
export const MODULE_NAME = "registry";
/** Name of the application with its order prefix. */
export const APP_NAME = "200_registry";

/** Codespace `registry`. */
export const registryErrors = defineErrors(MODULE_NAME, {
  invalidArgument: [1, "registry: invalid argument"],
  invalidSignature: [2, "registry: invalid signature"],
  badEntityForNode: [3, "registry: unknown entity in node registration"],
  badEntityForRuntime: [4, "registry: unknown entity in runtime registration"],
  noEnclaveForRuntime: [5, "registry: no enclaves for TEE runtime registration"],
  badEnclaveIdentity: [6, "registry: bad enclave id"],
  badTeeHardware: [7, "registry: bad TEE hardware capability"],
  teeHardwareMismatch: [8, "registry: TEE hardware differs from that of the registered runtime"],
  noSuchEntity: [9, "registry: no such entity"],
  noSuchNode: [10, "registry: no such node"],
  noSuchRuntime: [11, "registry: no such runtime"],
  incorrectTxSigner: [12, "registry: incorrect transaction signer"],
  nodeExpired: [13, "registry: node expired"],
  nodeCannotBeUnfrozen: [14, "registry: node cannot be unfrozen yet"],
  entityHasNodes: [15, "registry: entity still has nodes"],
  forbidden: [16, "registry: forbidden by policy"],
  nodeUpdateNotAllowed: [17, "registry: node update not allowed"],
  runtimeUpdateNotAllowed: [18, "registry: runtime update not allowed"],
  entityHasRuntimes: [19, "registry: entity still has runtimes"],
});
