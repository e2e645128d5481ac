import { defineErrors } from "#common/errors/index.js";

/** Errors of checkpoints (mkvs: checkpoints); their codes travel over RPC. */
export const checkpointErrors = defineErrors("storage/mkvs/checkpoint", {
  notFound: [1, "checkpoint: not found"],
  chunkNotFound: [2, "checkpoint: chunk not found"],
  restoreInProgress: [3, "checkpoint: restore already in progress"],
  noRestoreInProgress: [4, "checkpoint: no restore in progress"],
  chunkAlreadyRestored: [5, "checkpoint: chunk already restored"],
  proofVerificationFailed: [6, "chunk: chunk proof verification failed"],
  corrupted: [7, "chunk: corrupted chunk"],
});
