/** Checks of evidence that need nothing but itself (root hash: evidence). */
import { assert } from "#common/assert.js";
import { equalBytes, toHex } from "#common/bytes.js";
import { verify } from "#common/crypto/signature.js";
import { hash } from "#common/hash.js";
import {
  ComputeResultsHeader,
  type EquivocationExecutorEvidence,
  type EquivocationProposalEvidence,
  type Evidence,
  type ExecutorCommitmentHeader,
  FAILURE_NONE,
  PROPOSAL_CONTEXT,
  type Proposal,
  ProposalHeader,
} from "../types.js";
import { isSignedCommitment } from "./commitment.js";
import type { SigningRules } from "./receipt-rules.js";
import { commitmentProblem } from "./well-formed.js";

const KIND_EQUIVOCATION = Uint8Array.of(1);

/** Who is accused, and of which round. */
export interface Accusation {
  readonly nodeId: Uint8Array;
  readonly round: bigint;
  /** Names the evidence: both kinds share one slot per node and round. */
  readonly hash: Uint8Array;
}

function sameHash(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && equalBytes(a, b);
}

/** Whether two successes agree in what was computed; incoming messages are not looked at. */
function sameResults(a: ComputeResultsHeader, b: ComputeResultsHeader): boolean {
  return (
    equalBytes(a.previousHash, b.previousHash) &&
    sameHash(a.ioRoot, b.ioRoot) &&
    sameHash(a.stateRoot, b.stateRoot) &&
    sameHash(a.messagesHash, b.messagesHash)
  );
}

function disagreementProblem(a: ExecutorCommitmentHeader, b: ExecutorCommitmentHeader): string | undefined {
  if (a.failure === FAILURE_NONE && b.failure === FAILURE_NONE) {
    return sameResults(a.header, b.header) ? "results match" : undefined;
  }
  return a.failure === b.failure ? "failures match" : undefined;
}

function executorProblem(id: Uint8Array, evidence: EquivocationExecutorEvidence, rules: SigningRules) {
  const { commitA, commitB } = evidence;
  const [a, b] = [commitA.header, commitB.header];
  if (a.failure === b.failure && ComputeResultsHeader.equals(a.header, b.header)) return "commitments are equal";
  if (!equalBytes(commitA.nodeId, commitB.nodeId)) return "commitments are of different nodes";
  if (!equalBytes(a.schedulerId, b.schedulerId)) return "commitments are to proposals of different schedulers";
  if (a.header.round !== b.header.round) return "commitments are for different rounds";
  if (commitA.messages.length > 0 || commitB.messages.length > 0) return "evidence must not carry messages";
  const problem = commitmentProblem(commitA) ?? commitmentProblem(commitB) ?? disagreementProblem(a, b);
  if (problem !== undefined) return problem;
  const signed = isSignedCommitment(commitA, id, rules) && isSignedCommitment(commitB, id, rules);
  return signed ? undefined : "invalid signature";
}

function isSignedProposal(proposal: Proposal, id: Uint8Array, rules: SigningRules): boolean {
  const message = ProposalHeader.encode(proposal.header);
  return verify(proposal.nodeId, PROPOSAL_CONTEXT, message, proposal.signature, { ...rules, suffix: toHex(id) });
}

function proposalProblem(id: Uint8Array, evidence: EquivocationProposalEvidence, rules: SigningRules) {
  const { proposalA, proposalB } = evidence;
  if (ProposalHeader.equals(proposalA.header, proposalB.header)) return "proposals are equal";
  if (!equalBytes(proposalA.nodeId, proposalB.nodeId)) return "proposals are of different nodes";
  if (proposalA.header.round !== proposalB.header.round) return "proposals are for different rounds";
  if (proposalA.batch.length > 0 || proposalB.batch.length > 0) return "evidence must not carry batches";
  const signed = isSignedProposal(proposalA, id, rules) && isSignedProposal(proposalB, id, rules);
  return signed ? undefined : "invalid signature";
}

/** What is wrong with evidence by itself, or undefined when the node did equivocate. */
export function evidenceProblem(evidence: Evidence, rules: SigningRules): string | undefined {
  const { id, equivocationExecutor, equivocationProposal } = evidence;
  if (equivocationExecutor !== undefined && equivocationProposal !== undefined) return "evidence has both kinds set";
  if (equivocationExecutor !== undefined) return executorProblem(id, equivocationExecutor, rules);
  if (equivocationProposal !== undefined) return proposalProblem(id, equivocationProposal, rules);
  return "evidence is empty";
}

/** Whom sound evidence accuses. */
export function accusation({ equivocationExecutor, equivocationProposal }: Evidence): Accusation {
  const named = (nodeId: Uint8Array, round: bigint): Accusation => {
    return { nodeId, round, hash: hash(KIND_EQUIVOCATION, nodeId) };
  };
  if (equivocationExecutor !== undefined) {
    const { nodeId, header } = equivocationExecutor.commitA;
    return named(nodeId, header.header.round);
  }
  assert(equivocationProposal !== undefined, "sound evidence is of one kind");
  const { nodeId, header } = equivocationProposal.proposalA;
  return named(nodeId, header.round);
}
