import { defineTransaction, type TransactionMethod } from "../../../app/define-service.js";
import { hasStorageCommittees } from "../../registry/params.js";
import { answerChallenge } from "../block/challenges.js";
import { challengeErrors, rootHashErrors } from "../errors.js";
import { emitRuntimeEvent, storageChallengeAnswered } from "../events.js";
import { answerProblem } from "../logic/challenge.js";
import { GAS_STORAGE_RESPONSE, gasCosts } from "../params.js";
import { getChallenge } from "../state/challenges.js";
import { StorageResponse } from "../types/challenges.js";

/**
 * `roothash.StorageResponse`: the answer to a challenge, from whoever has it (root hash: storage challenges; an
 * extension). It counts whatever has become of the runtime meanwhile.
 */
export const storageResponseTransaction: TransactionMethod = defineTransaction({
  method: "roothash.StorageResponse",
  body: StorageResponse,
  enabled: (ctx) => hasStorageCommittees(ctx.state),
  invalidBody: rootHashErrors.invalidArgument,
  gasOp: GAS_STORAGE_RESPONSE,
  gasCosts,
  inCheckTx: "accept",
  execute(ctx, { id, challenge, proof }) {
    const value = getChallenge(ctx.state, id, challenge);
    if (value === undefined) throw challengeErrors.noSuchChallenge();
    if (value.key === undefined) throw challengeErrors.badProof("the key is drawn with the next block");
    const problem = answerProblem(value.root, value.key, proof);
    if (problem !== undefined) throw challengeErrors.badProof(problem);
    ctx.transaction((child) => {
      answerChallenge(child, value);
      emitRuntimeEvent(child, id, storageChallengeAnswered, { challenge, node: value.node });
    });
  },
});
