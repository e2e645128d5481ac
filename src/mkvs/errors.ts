import { defineErrors } from "#common/errors/index.js";

/** Errors of the node database (mkvs: NodeDB contract); their codes travel over RPC. */
export const nodeDbErrors = defineErrors("storage/mkvs/db", {
  nodeNotFound: [1, "mkvs: node not found in node db"],
  writeLogNotFound: [2, "mkvs: write log not found in node db"],
  notFinalized: [3, "mkvs: version is not yet finalized"],
  alreadyFinalized: [4, "mkvs: version has already been finalized"],
  versionNotFound: [5, "mkvs: version not found"],
  previousVersionMismatch: [6, "mkvs: previous version mismatch"],
  versionWentBackwards: [7, "mkvs: version went backwards"],
  rootNotFound: [8, "mkvs: root not found"],
  rootMustFollowOld: [9, "mkvs: root must follow old root"],
  badNamespace: [10, "mkvs: bad namespace"],
  notEarliest: [11, "mkvs: version is not the earliest version"],
  readOnly: [12, "mkvs: read-only database"],
  multipartInProgress: [13, "mkvs: multipart already in progress"],
  invalidMultipartVersion: [14, "mkvs: operation called with different version than current multipart version"],
  upgradeInProgress: [15, "mkvs: database upgrade in progress"],
  cannotPruneLatest: [16, "mkvs: cannot prune latest version"],
});
