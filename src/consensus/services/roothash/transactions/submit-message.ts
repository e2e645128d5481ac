import { runtimeAddress } from "#common/address.js";
import { defineTransaction, type TransactionMethod } from "../../../app/define-service.js";
import { transfer } from "../../staking/state/index.js";
import { rootHashErrors } from "../errors.js";
import { GAS_SUBMIT_MESSAGE, gasCosts } from "../params.js";
import { enqueueMessage, getQueueMeta, loadRunning, runtimeOf, setQueueMeta } from "../state.js";
import { SubmitMessage } from "../types.js";

/** `roothash.SubmitMsg`: sends a message, a fee and tokens to a runtime (root hash: transactions). */
export const submitMessageTransaction: TransactionMethod = defineTransaction({
  method: "roothash.SubmitMsg",
  body: SubmitMessage,
  invalidBody: rootHashErrors.invalidArgument,
  gasOp: GAS_SUBMIT_MESSAGE,
  gasCosts,
  inCheckTx: "accept",
  execute(ctx, { id, tag, fee, tokens, data }) {
    const { txnScheduler, staking } = runtimeOf(loadRunning(ctx.state, id));
    const { maxInMessages } = txnScheduler;
    if (maxInMessages === 0) throw rootHashErrors.incomingQueueFull();
    if (fee < staking.minInMessageFee) throw rootHashErrors.insufficientFee();
    ctx.transaction((child) => {
      const { caller } = child;
      transfer(child, caller, runtimeAddress(id), fee + tokens);
      const { size, nextSequenceNumber } = getQueueMeta(child.state, id);
      if (size >= maxInMessages) throw rootHashErrors.incomingQueueFull();
      enqueueMessage(child.state, id, { id: nextSequenceNumber, caller, tag, fee, tokens, data });
      const next = BigInt.asUintN(64, nextSequenceNumber + 1n);
      setQueueMeta(child.state, id, { size: size + 1, nextSequenceNumber: next });
    });
  },
});
