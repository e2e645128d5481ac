import { defineErrors } from "#common/errors/index.js";

/** Errors of the storage worker's control API; their codes travel over RPC. */
export const storageWorkerErrors = defineErrors("worker/storage", {
  runtimeNotFound: [1, "worker/storage: runtime not found"],
  cannotPauseCheckpointer: [2, "worker/storage: pausing checkpointer only available in debug mode"],
});
