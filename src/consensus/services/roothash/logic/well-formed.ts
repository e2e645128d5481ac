/** Checks of messages and commitments that need nothing but themselves (root hash: transactions). */
import {
  type ExecutorCommitment,
  FAILURE_NONE,
  FAILURE_STATE_UNAVAILABLE,
  FAILURE_UNKNOWN,
  type Message,
} from "../types.js";

function countSet(...members: readonly unknown[]): number {
  return members.filter((member) => member !== undefined).length;
}

/** What is wrong with a message, or undefined: exactly one request must be in the first kind that is set. */
export function messageProblem(message: Message): string | undefined {
  const { staking, registry, governance } = message;
  if (staking !== undefined) {
    const set = countSet(staking.transfer, staking.withdraw, staking.addEscrow, staking.reclaimEscrow);
    return set === 1 ? undefined : `staking message has ${set} fields set`;
  }
  if (registry !== undefined) return registry.updateRuntime === undefined ? "registry message is empty" : undefined;
  if (governance === undefined) return "message has no fields set";
  const set = countSet(governance.castVote, governance.submitProposal);
  return set === 1 ? undefined : `governance message has ${set} fields set`;
}

function successProblem({ header, messages }: ExecutorCommitment): string | undefined {
  const { ioRoot, stateRoot, messagesHash, inMessagesHash } = header.header;
  if (ioRoot === undefined) return "missing io_root";
  if (stateRoot === undefined) return "missing state_root";
  if (messagesHash === undefined) return "missing messages_hash";
  if (inMessagesHash === undefined) return "missing in_msgs_hash";
  for (const message of messages) {
    const problem = messageProblem(message);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** What is wrong with a commitment by itself, or undefined. Signatures are not looked at. */
export function commitmentProblem(commitment: ExecutorCommitment): string | undefined {
  const { header, messages, storageSigs } = commitment;
  if (header.failure === FAILURE_NONE) return successProblem(commitment);
  if (header.failure !== FAILURE_UNKNOWN && header.failure !== FAILURE_STATE_UNAVAILABLE) {
    return `invalid failure ${header.failure}`;
  }
  const { ioRoot, stateRoot, messagesHash, inMessagesHash, inMessagesCount } = header.header;
  const extra = countSet(ioRoot, stateRoot, messagesHash, inMessagesHash, header.rakSignature);
  if (extra > 0 || inMessagesCount !== 0 || messages.length > 0) return "a failure must not carry results";
  if (storageSigs !== undefined) return "a failure must not carry storage receipts";
  return undefined;
}
