/** Verification of a commitment against the state of its runtime (root hash: transactions). */
import { equalBytes, toHex } from "#common/bytes.js";
import { verify } from "#common/crypto/signature.js";
import { unknown } from "#common/errors/index.js";
import { activeDeployment, nodeRuntime } from "../../registry/types/deployments.js";
import type { Node } from "../../registry/types/node.js";
import type { Runtime } from "../../registry/types/runtime.js";
import { TEE_NONE } from "../../registry/types/tee.js";
import { commitmentErrors } from "../errors.js";
import {
  COMPUTE_RESULTS_CONTEXT,
  ComputeResultsHeader,
  continuesBlock,
  EXECUTOR_COMMITMENT_CONTEXT,
  type ExecutorCommitment,
  ExecutorCommitmentHeader,
  FAILURE_NONE,
  type Header,
  messagesHash,
} from "../types.js";
import { type ReceiptRules, type SigningRules, verifyReceipts } from "./receipt-rules.js";
import { commitmentProblem } from "./well-formed.js";

/** What a commitment is verified against. */
export interface CommitmentRules extends SigningRules {
  readonly runtime: Runtime;
  /** Header of the runtime's last block. */
  readonly lastHeader: Header;
  /** Epoch of the committee. */
  readonly epoch: bigint;
  /** Looks a node up in the registry. */
  readonly node: (id: Uint8Array) => Node | undefined;
  /** What receipts of storage nodes are verified against; undefined when commitments need none. */
  readonly storage?: ReceiptRules | undefined;
}

/** Whether the node that a commitment names has signed it. */
export function isSignedCommitment(
  commitment: ExecutorCommitment,
  runtimeId: Uint8Array,
  rules: SigningRules,
): boolean {
  const message = ExecutorCommitmentHeader.encode(commitment.header);
  return verify(commitment.nodeId, EXECUTOR_COMMITMENT_CONTEXT, message, commitment.signature, {
    ...rules,
    suffix: toHex(runtimeId),
  });
}

function verifyAttestedKey({ nodeId, header }: ExecutorCommitment, rules: CommitmentRules): void {
  const node = rules.node(nodeId);
  if (node === undefined) throw commitmentErrors.notInCommittee("node is not registered");
  const deployment = activeDeployment(rules.runtime, rules.epoch);
  if (deployment === undefined) throw commitmentErrors.noRuntime("no active deployment");
  const entry = nodeRuntime(node, rules.runtime.id, deployment.version);
  if (entry === undefined) throw commitmentErrors.notInCommittee("node does not serve the active deployment");
  const { tee } = entry.capabilities;
  if (tee === undefined || header.rakSignature === undefined) throw commitmentErrors.rakSignatureInvalid();
  const message = ComputeResultsHeader.encode(header.header);
  // Attested keys are made inside of enclaves; the policy on keys is one for all.
  const { policy } = rules;
  if (!verify(tee.rak, COMPUTE_RESULTS_CONTEXT, message, header.rakSignature, { policy })) {
    throw commitmentErrors.rakSignatureInvalid();
  }
}

function verifyMessages(commitment: ExecutorCommitment, byScheduler: boolean, maxMessages: number): void {
  const { messages, header } = commitment;
  if (!byScheduler) {
    if (messages.length > 0) throw commitmentErrors.invalidMessages("only the scheduler sends messages");
    return;
  }
  if (messages.length > maxMessages) throw commitmentErrors.invalidMessages(`${messages.length} of ${maxMessages}`);
  const expected = header.header.messagesHash;
  if (expected === undefined || !equalBytes(messagesHash(messages), expected)) {
    throw commitmentErrors.invalidMessages("hash mismatch");
  }
}

/**
 * Verifies a commitment, but not the place of its node in the committee.
 * @throws CodedError unknown/1 for a wrong signature, otherwise of roothash/commitment
 */
export function verifyCommitment(commitment: ExecutorCommitment, rules: CommitmentRules): void {
  const { runtime, lastHeader } = rules;
  if (!isSignedCommitment(commitment, runtime.id, rules)) throw unknown("roothash/commitment: invalid signature");
  const problem = commitmentProblem(commitment);
  if (problem !== undefined) throw commitmentErrors.badExecutorCommitment(problem);
  const { header, nodeId } = commitment;
  if (!continuesBlock(header.header, lastHeader)) throw commitmentErrors.notBasedOnCorrectBlock();
  const byScheduler = equalBytes(nodeId, header.schedulerId);
  if (header.failure !== FAILURE_NONE) {
    if (byScheduler) throw commitmentErrors.badExecutorCommitment("a scheduler must not fail");
    return;
  }
  if (runtime.teeHardware !== TEE_NONE) verifyAttestedKey(commitment, rules);
  if (rules.storage !== undefined) verifyReceipts(commitment, rules, rules.storage);
  verifyMessages(commitment, byScheduler, runtime.executor.maxMessages);
}
