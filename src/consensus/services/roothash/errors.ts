import { defineErrors } from "#common/errors/index.js";

/** Name of the module in errors, gas costs and parameter changes. */
export const MODULE_NAME = "roothash";
/** Name of the application with its order prefix. */
export const APP_NAME = "999_roothash";

/** Codespace `roothash`. */
export const rootHashErrors = defineErrors(MODULE_NAME, {
  invalidArgument: [1, "roothash: invalid argument"],
  notFound: [2, "roothash: block not found"],
  invalidRuntime: [3, "roothash: invalid runtime"],
  noExecutorPool: [4, "roothash: no executor pool"],
  runtimeSuspended: [5, "roothash: runtime is suspended"],
  noCommittee: [6, "roothash: no committee"],
  maxMessagesTooBig: [7, "roothash: max runtime messages is too big"],
  runtimeDoesNotSlash: [8, "roothash: runtime does not slash"],
  duplicateEvidence: [9, "roothash: duplicate evidence"],
  invalidEvidence: [10, "roothash: invalid evidence"],
  incomingQueueFull: [11, "roothash: incoming message queue full"],
  insufficientFee: [12, "roothash: insufficient fee"],
  maxIncomingMessagesTooBig: [13, "roothash: max incoming runtime messages is too big"],
});

/** Codespace `roothash/commitment`. */
export const commitmentErrors = defineErrors("roothash/commitment", {
  noRuntime: [1, "roothash/commitment: no runtime configured"],
  noCommittee: [2, "roothash/commitment: no committee configured"],
  invalidCommitteeKind: [3, "roothash/commitment: invalid committee kind"],
  rakSignatureInvalid: [4, "roothash/commitment: batch RAK signature invalid"],
  notInCommittee: [5, "roothash/commitment: node not part of committee"],
  alreadyCommitted: [6, "roothash/commitment: node already sent commitment"],
  notBasedOnCorrectBlock: [7, "roothash/commitment: submitted commitment is not based on correct block"],
  discrepancyDetected: [8, "roothash/commitment: discrepancy detected"],
  stillWaiting: [9, "roothash/commitment: still waiting for commits"],
  insufficientVotes: [10, "roothash/commitment: insufficient votes to finalize discrepancy resolution round"],
  badExecutorCommitment: [11, "roothash/commitment: bad executor commitment"],
  invalidMessages: [13, "roothash/commitment: invalid messages"],
  /** Reserved in v26.1; storage committees, an extension, use it again. */
  badStorageReceipts: [14, "roothash/commitment: bad storage receipts"],
  timeoutNotCorrectRound: [15, "roothash/commitment: timeout not for correct round"],
  invalidRound: [16, "roothash/commitment: invalid round"],
  noSchedulerCommitment: [17, "roothash/commitment: no scheduler commitment"],
  badSchedulerCommitment: [18, "roothash/commitment: bad scheduler commitment"],
});

/** Codespace `roothash/storage`, of storage committees, an extension. */
export const challengeErrors = defineErrors("roothash/storage", {
  notChallengeable: [1, "roothash/storage: runtime takes no storage challenges"],
  unknownNode: [2, "roothash/storage: node is not registered"],
  roundNotKept: [3, "roothash/storage: round is not final or too old"],
  nothingStored: [4, "roothash/storage: tree of the round is empty"],
  badReceipt: [5, "roothash/storage: not a receipt of the node for the round"],
  alreadyChallenged: [6, "roothash/storage: node is being challenged for this tree already"],
  noSuchChallenge: [7, "roothash/storage: no such challenge"],
  badProof: [8, "roothash/storage: proof does not answer the challenge"],
});
