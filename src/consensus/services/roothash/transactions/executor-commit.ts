import type { Context } from "../../../app/context.js";
import { defineTransaction, type TransactionMethod } from "../../../app/define-service.js";
import { hasStorageCommittees } from "../../registry/params.js";
import { getNode } from "../../registry/state.js";
import { storageCommitteeOf } from "../../registry/types/runtime.js";
import { finalizeLater } from "../block/index.js";
import { deliverMessages } from "../block/runtime-messages.js";
import { rootHashErrors } from "../errors.js";
import { emitRuntimeEvent, executorCommitted } from "../events.js";
import { type CommitmentRules, verifyCommitment } from "../logic/commitment.js";
import { receiptRules } from "../logic/receipt-rules.js";
import { addCommitment } from "../logic/pool.js";
import { GAS_COMPUTE_COMMIT, GAS_STORAGE_RECEIPT, gasCosts } from "../params.js";
import {
  getRuntimeState,
  lastBlockOf,
  loadRunning,
  type RunningRuntime,
  runtimeOf,
  setRoundTimeout,
  setRuntimeState,
} from "../state.js";
import { ExecutorCommit, type ExecutorCommitment } from "../types.js";

function receiptsIn(commits: readonly ExecutorCommitment[] | null): number {
  return (commits ?? []).reduce((sum, { storageSigs }) => sum + (storageSigs ?? []).length, 0);
}

/** To a runtime without storage committees receipts are what they are to v26.1: an unknown field. */
function refuseReceipts(ctx: Context, { id, commits }: ExecutorCommit): void {
  if (receiptsIn(commits) === 0) return;
  const value = getRuntimeState(ctx.state, id);
  const runtime = value?.runtime ?? undefined;
  const epoch = value?.committee?.validFor;
  const takes = epoch === undefined ? runtime?.storage.committee : runtime && storageCommitteeOf(runtime, epoch);
  if (takes === undefined) throw rootHashErrors.invalidArgument("storage receipts for a runtime that takes none");
}

/** Verifies and adds all commitments; the messages of a scheduler are tried out, so that their gas is paid for now. */
function addAll(ctx: Context, value: RunningRuntime, commits: readonly ExecutorCommitment[]): void {
  const runtime = runtimeOf(value);
  const rules: CommitmentRules = {
    runtime,
    lastHeader: lastBlockOf(value).header,
    epoch: value.committee.validFor,
    chainContext: ctx.env.chainContext,
    policy: ctx.env.policy,
    node: (id) => getNode(ctx.state, id),
    storage: receiptRules(ctx.state, runtime, value.committee.validFor),
  };
  for (const commit of commits) {
    verifyCommitment(commit, rules);
    const { messages } = commit;
    // How the messages end does not matter here, not even when gas runs out.
    if (messages.length > 0) ctx.simulate((child) => deliverMessages(child, runtime.id, messages));
    addCommitment(value.commitmentPool, value.committee, commit);
  }
}

/** `roothash.ExecutorCommit`: nodes commit to the results of a round (root hash: transactions). */
export const executorCommitTransaction: TransactionMethod = defineTransaction({
  method: "roothash.ExecutorCommit",
  body: ExecutorCommit,
  extended: (ctx) => hasStorageCommittees(ctx.state),
  before: refuseReceipts,
  invalidBody: rootHashErrors.invalidArgument,
  gasOp: GAS_COMPUTE_COMMIT,
  gasCosts,
  inCheckTx: "accept",
  // Simulation has to see the gas of the messages.
  inSimulation: "run",
  execute(ctx, { id, commits }) {
    if (commits === null || commits.length === 0) return;
    const value = loadRunning(ctx.state, id);
    const rank = value.commitmentPool.highestRank;
    const receipts = receiptsIn(commits);
    if (receipts > 0) ctx.gas.use(BigInt(receipts), GAS_STORAGE_RECEIPT, gasCosts(ctx));
    addAll(ctx, value, commits);
    if (ctx.isSimulation) return;
    ctx.transaction((child) => {
      if (value.commitmentPool.highestRank !== rank) {
        const { roundTimeout } = runtimeOf(value).executor;
        setRoundTimeout(child.state, value, BigInt.asIntN(64, child.height + roundTimeout));
      }
      setRuntimeState(child.state, value);
      for (const commit of commits) emitRuntimeEvent(child, id, executorCommitted, { commit });
    });
    finalizeLater(ctx, id);
  },
});
