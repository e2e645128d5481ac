import { defineTransaction, type TransactionMethod } from "../../../app/define-service.js";
import { SLASH_RUNTIME_EQUIVOCATION } from "../../staking/types/thresholds.js";
import { penaltyFor, slashEquivocation } from "../block/slashing.js";
import { rootHashErrors } from "../errors.js";
import { accusation, evidenceProblem } from "../logic/evidence.js";
import { GAS_EVIDENCE, gasCosts, rootHashParameters } from "../params.js";
import { isEvidenceSeen, lastBlockOf, loadRunning, runtimeOf, setEvidenceSeen } from "../state.js";
import { Evidence } from "../types.js";

/** `roothash.Evidence`: somebody proves that a node contradicted itself (root hash: transactions). */
export const evidenceTransaction: TransactionMethod = defineTransaction({
  method: "roothash.Evidence",
  body: Evidence,
  invalidBody: rootHashErrors.invalidArgument,
  gasOp: GAS_EVIDENCE,
  gasCosts,
  inCheckTx: "accept",
  before(ctx, evidence) {
    const { chainContext, policy } = ctx.env;
    const problem = evidenceProblem(evidence, { chainContext, policy });
    if (problem !== undefined) throw rootHashErrors.invalidEvidence(problem);
  },
  execute(ctx, evidence) {
    const value = loadRunning(ctx.state, evidence.id);
    const runtime = runtimeOf(value);
    const penalty = penaltyFor(runtime, SLASH_RUNTIME_EQUIVOCATION);
    if (penalty === 0n) throw rootHashErrors.runtimeDoesNotSlash();
    const { nodeId, round, hash } = accusation(evidence);
    const { maxEvidenceAge } = rootHashParameters.load(ctx.state);
    // Evidence of rounds that are still to come is taken; the sum wraps as in the reference.
    if (BigInt.asUintN(64, round + maxEvidenceAge) < lastBlockOf(value).header.round) {
      throw rootHashErrors.invalidEvidence("expired");
    }
    if (isEvidenceSeen(ctx.state, runtime.id, round, hash)) throw rootHashErrors.duplicateEvidence();
    // It counts as seen even if the node turns out to be unknown and the transaction fails.
    setEvidenceSeen(ctx.state, runtime.id, round, hash);
    slashEquivocation(ctx, nodeId, runtime, penalty);
  },
});
