/** Runtime blocks, commitments to them, messages and the state of a runtime (root hash: types). */
import { Address } from "#common/address.js";
import { equalBytes } from "#common/bytes.js";
import { PublicKey, Signature } from "#common/crypto/keys.js";
import { defineContext, KeyedSignature, type SignatureContext } from "#common/crypto/signature.js";
import { DecodeError } from "#common/errors/index.js";
import { EMPTY_HASH, hash, Hash } from "#common/hash.js";
import { expectObject } from "#common/json.js";
import { deepFreeze } from "#common/freeze.js";
import { FRAME_BYTES, FRAME_ELEMENTS } from "#common/limits.js";
import { Namespace } from "#common/namespace.js";
import { Quantity } from "#common/quantity.js";
import {
  bool,
  bytes,
  extension,
  i64,
  list,
  map,
  named,
  nullable,
  omitEmpty,
  optional,
  raw,
  type Schema,
  struct,
  text,
  timestampFromText,
  timestampToText,
  tuple,
  u16,
  u32,
  u64,
  u8,
  withForms,
} from "#common/schema/index.js";
import { GovernanceMessage } from "../governance/types.js";
import { RegistryMessage } from "../registry/types/messages.js";
import { Runtime } from "../registry/types/runtime.js";
import { Committee } from "../scheduler/types.js";
import { StakingMessage } from "../staking/types/transactions.js";
import { CHALLENGE_EVENTS } from "./types/challenges.js";

export const HEADER_NORMAL = 1;
export const HEADER_ROUND_FAILED = 2;
export const HEADER_EPOCH_TRANSITION = 3;
export const HEADER_SUSPENDED = 4;

/** Unix seconds on the wire, RFC 3339 in JSON. */
const UnixTime: Schema<bigint> = withForms(u64, {
  toJson: (seconds) => timestampToText({ seconds, nanos: 0 }),
  fromJson(json) {
    if (json === null) return 0n;
    if (typeof json !== "string") throw new DecodeError("expected an RFC 3339 time");
    return BigInt.asUintN(64, timestampFromText(json).seconds);
  },
});

/** Header of a runtime block; its hash names the block. */
export class Header extends struct("Header", {
  version: u16,
  namespace: Namespace,
  round: u64,
  /** Unix seconds. */
  timestamp: UnixTime,
  headerType: u8,
  previousHash: Hash,
  ioRoot: Hash,
  stateRoot: Hash,
  messagesHash: Hash,
  inMessagesHash: named("in_msgs_hash", Hash),
}) {}

export class Block extends struct("Block", { header: Header }) {}

/** A block with the consensus height at which it was made. */
export class AnnotatedBlock extends struct("AnnotatedBlock", {
  height: named("consensus_height", i64),
  block: nullable(Block),
}) {}

/** The hash of a header, which the next header and commitments refer to. */
export function headerHash(header: Header): Uint8Array {
  return hash(Header.encode(header));
}

/**
 * The first block of a runtime.
 * @param timestamp unix seconds
 */
export function genesisBlock(namespace: Uint8Array, timestamp: bigint): Block {
  return {
    header: {
      version: 0,
      namespace,
      round: 0n,
      timestamp,
      headerType: HEADER_NORMAL,
      previousHash: EMPTY_HASH,
      ioRoot: EMPTY_HASH,
      stateRoot: EMPTY_HASH,
      messagesHash: EMPTY_HASH,
      inMessagesHash: EMPTY_HASH,
    },
  };
}

/**
 * A block without transactions after `previous`: the state root stays.
 * @param timestamp unix seconds
 */
export function emptyBlock(previous: Block, timestamp: bigint, headerType: number): Block {
  const { header } = previous;
  return {
    header: {
      ...genesisBlock(header.namespace, timestamp).header,
      version: header.version,
      round: BigInt.asUintN(64, header.round + 1n),
      headerType,
      previousHash: headerHash(header),
      stateRoot: header.stateRoot,
    },
  };
}

/** What a batch led to, in hashes. The four hashes are missing where a commitment reports a failure. */
export class ComputeResultsHeader extends struct("ComputeResultsHeader", {
  round: u64,
  previousHash: Hash,
  ioRoot: optional(Hash),
  stateRoot: optional(Hash),
  messagesHash: optional(Hash),
  inMessagesHash: named("in_msgs_hash", optional(Hash)),
  inMessagesCount: named("in_msgs_count", omitEmpty(u32)),
}) {}

/** Domain of a runtime's signature over its compute results, by its attested key. */
export const COMPUTE_RESULTS_CONTEXT: SignatureContext = defineContext("oasis-core/roothash: compute results header");

export const FAILURE_NONE = 0;
export const FAILURE_UNKNOWN = 1;
export const FAILURE_STATE_UNAVAILABLE = 2;

export class ExecutorCommitmentHeader extends struct("ExecutorCommitmentHeader", {
  schedulerId: PublicKey,
  header: ComputeResultsHeader,
  failure: omitEmpty(u8),
  rakSignature: named("rak_sig", optional(Signature)),
}) {}

/** Domain of a node's signature over a commitment header; the suffix is the runtime identifier in hexadecimal. */
export const EXECUTOR_COMMITMENT_CONTEXT: SignatureContext = defineContext("oasis-core/roothash: executor commitment", {
  chain: true,
  suffix: " for runtime ",
});

/** What a runtime asks of the consensus layer. */
export class Message extends struct("Message", {
  staking: optional(StakingMessage),
  registry: optional(RegistryMessage),
  governance: optional(GovernanceMessage),
}) {}

const MESSAGES: Schema<Message[]> = list(Message, { max: FRAME_ELEMENTS });

/** The hash of emitted messages: of nothing when there are none. */
export function messagesHash(messages: Message[]): Uint8Array {
  return messages.length === 0 ? EMPTY_HASH : hash(MESSAGES.encode(messages));
}

/** A node's signed word for the results of a round. */
export class ExecutorCommitment extends struct("ExecutorCommitment", {
  nodeId: PublicKey,
  header: ExecutorCommitmentHeader,
  signature: named("sig", Signature),
  /** Only the scheduler of the batch includes them. */
  messages: omitEmpty(MESSAGES),
  /** Receipts of storage nodes for the roots, in the order of their keys; an extension of the protocol. */
  storageSigs: extension(optional(list(KeyedSignature, { min: 1, max: FRAME_ELEMENTS }))),
}) {}

/** What votes are compared by: the hash of the compute results; undefined for a failure. */
export function commitmentVote(commitment: ExecutorCommitment): Uint8Array | undefined {
  if (commitment.header.failure !== FAILURE_NONE) return undefined;
  return hash(ComputeResultsHeader.encode(commitment.header.header));
}

export class ProposalHeader extends struct("ProposalHeader", { round: u64, previousHash: Hash, batchHash: Hash }) {}

/** Domain of a scheduler's signature over a proposal; the suffix is the runtime identifier in hexadecimal. */
export const PROPOSAL_CONTEXT: SignatureContext = defineContext("oasis-core/roothash: proposal", {
  chain: true,
  suffix: " for runtime ",
});

/** A batch that the scheduler of a round proposes, as hashes of its transactions in order. */
export class Proposal extends struct("Proposal", {
  nodeId: PublicKey,
  header: ProposalHeader,
  signature: named("sig", Signature),
  batch: omitEmpty(list(Hash, { max: FRAME_ELEMENTS })),
}) {}

/** A message from the consensus layer that waits for a runtime. */
export class IncomingMessage extends struct("IncomingMessage", {
  id: u64,
  caller: Address,
  tag: omitEmpty(u64),
  fee: omitEmpty(Quantity),
  tokens: omitEmpty(Quantity),
  data: omitEmpty(bytes({ max: FRAME_BYTES })),
}) {}

const INCOMING_MESSAGES: Schema<IncomingMessage[]> = list(IncomingMessage, { max: FRAME_ELEMENTS });

/** The hash of processed incoming messages: of nothing when there are none. */
export function incomingMessagesHash(messages: IncomingMessage[]): Uint8Array {
  return messages.length === 0 ? EMPTY_HASH : hash(INCOMING_MESSAGES.encode(messages));
}

export class IncomingMessageQueueMeta extends struct("IncomingMessageQueueMeta", {
  size: omitEmpty(u32),
  nextSequenceNumber: omitEmpty(u64),
}) {}

/** A scheduler's commitment and what the members voted on it; a null vote is a failure. */
export class SchedulerCommitment extends struct("SchedulerCommitment", {
  commitment: optional(ExecutorCommitment),
  votes: omitEmpty(map(PublicKey, nullable(Hash), { max: FRAME_ELEMENTS })),
}) {}

/** Rank that means that no scheduler has committed yet. */
export const NO_RANK = 0xffffffffffffffffn;

/** Commitments of the running round, by rank of the scheduler. Absent on the wire, the rank is 0. */
export class Pool extends struct("Pool", {
  highestRank: omitEmpty(u64),
  schedulerCommitments: omitEmpty(map(u64, nullable(SchedulerCommitment), { max: FRAME_ELEMENTS })),
  discrepancy: omitEmpty(bool),
}) {}

const COUNTERS = nullable(list(u64, { max: FRAME_ELEMENTS }));

/** Counters of the epoch, in committee order. */
export class LivenessStatistics extends struct("LivenessStatistics", {
  totalRounds: u64,
  liveRounds: named("good_rounds", COUNTERS),
  finalizedProposals: COUNTERS,
  missedProposals: COUNTERS,
}) {}

/** Everything the root hash service knows about a runtime. */
export class RuntimeState extends struct("RuntimeState", {
  runtime: nullable(Runtime),
  suspended: omitEmpty(bool),
  genesisBlock: nullable(Block),
  lastBlock: nullable(Block),
  lastBlockHeight: i64,
  lastNormalRound: u64,
  lastNormalHeight: i64,
  committee: optional(Committee),
  commitmentPool: optional(Pool),
  /** Height at which the round ends by force; 0 when it is not armed. */
  nextTimeout: named("timeout", omitEmpty(i64)),
  livenessStatistics: named("liveness_stats", optional(LivenessStatistics)),
}) {}

function copyPool(pool: Pool): Pool {
  const schedulerCommitments = pool.schedulerCommitments.clone();
  for (const [rank, entry] of pool.schedulerCommitments) {
    if (entry === null) continue;
    schedulerCommitments.set(rank, { commitment: deepFreeze(entry.commitment), votes: entry.votes.clone() });
  }
  return { ...pool, schedulerCommitments };
}

function copyStatistics(statistics: LivenessStatistics): LivenessStatistics {
  const { totalRounds, liveRounds, finalizedProposals, missedProposals } = statistics;
  const copied = (counters: bigint[] | null): bigint[] | null => (counters === null ? null : [...counters]);
  return {
    totalRounds,
    liveRounds: copied(liveRounds),
    finalizedProposals: copied(finalizedProposals),
    missedProposals: copied(missedProposals),
  };
}

/** A runtime state that can be changed without changing the original; what both share is frozen. */
export function copyRuntimeState(state: RuntimeState): RuntimeState {
  const { runtime, genesisBlock, lastBlock, committee, commitmentPool, livenessStatistics } = state;
  return {
    ...state,
    runtime: deepFreeze(runtime),
    genesisBlock: deepFreeze(genesisBlock),
    lastBlock: deepFreeze(lastBlock),
    committee: deepFreeze(committee),
    commitmentPool: commitmentPool === undefined ? undefined : copyPool(commitmentPool),
    livenessStatistics: livenessStatistics === undefined ? undefined : copyStatistics(livenessStatistics),
  };
}

/** Outcome of one message: code 0 and a result, or the error it ended with. */
export class MessageEvent extends struct("MessageEvent", {
  module: omitEmpty(text({ max: FRAME_BYTES })),
  code: omitEmpty(u32),
  index: omitEmpty(u32),
  result: omitEmpty(raw),
}) {}

/** Outcomes of a round's messages, and which entities computed it right or wrong. */
export class RoundResults extends struct("RoundResults", {
  messages: omitEmpty(list(nullable(MessageEvent), { max: FRAME_ELEMENTS })),
  goodComputeEntities: omitEmpty(list(PublicKey, { max: FRAME_ELEMENTS })),
  badComputeEntities: omitEmpty(list(PublicKey, { max: FRAME_ELEMENTS })),
}) {}

/** State root and I/O root of a past round. */
export type RoundRoots = [stateRoot: Uint8Array, ioRoot: Uint8Array];
export const RoundRoots: Schema<RoundRoots> = withForms<RoundRoots>(tuple("RoundRoots", [Hash, Hash]), {
  toJson: ([stateRoot, ioRoot]) => ({ StateRoot: Hash.toJson(stateRoot), IORoot: Hash.toJson(ioRoot) }),
  fromJson(json) {
    const { StateRoot, IORoot } = expectObject(json);
    return [Hash.fromJson(StateRoot ?? null), Hash.fromJson(IORoot ?? null)];
  },
});

export class ExecutorCommittedEvent extends struct("ExecutorCommittedEvent", { commit: ExecutorCommitment }) {}

export class ExecutionDiscrepancyDetectedEvent extends struct("ExecutionDiscrepancyDetectedEvent", {
  round: u64,
  rank: u64,
  timeout: bool,
}) {}

export class FinalizedEvent extends struct("FinalizedEvent", { round: u64 }) {}

export class InMessageProcessedEvent extends struct("InMessageProcessedEvent", {
  id: u64,
  round: u64,
  caller: Address,
  tag: omitEmpty(u64),
}) {}

/** An event of a runtime, as clients see it. */
export class Event extends struct("Event", {
  height: omitEmpty(i64),
  txHash: Hash,
  runtimeId: Namespace,
  executorCommitted: optional(ExecutorCommittedEvent),
  executionDiscrepancyDetected: named("execution_discrepancy", optional(ExecutionDiscrepancyDetectedEvent)),
  finalized: optional(FinalizedEvent),
  inMessageProcessed: named("in_msg_processed", optional(InMessageProcessedEvent)),
  ...CHALLENGE_EVENTS,
}) {}

/** Whether a compute results header continues the given block. */
export function continuesBlock(results: ComputeResultsHeader, header: Header): boolean {
  return (
    results.round === BigInt.asUintN(64, header.round + 1n) && equalBytes(results.previousHash, headerHash(header))
  );
}

/** Body of `roothash.ExecutorCommit`. */
export class ExecutorCommit extends struct("ExecutorCommit", {
  id: Namespace,
  commits: nullable(list(ExecutorCommitment, { max: FRAME_ELEMENTS })),
}) {}

/** Two commitments of one node to one proposal of one round. */
export class EquivocationExecutorEvidence extends struct("EquivocationExecutorEvidence", {
  commitA: ExecutorCommitment,
  commitB: ExecutorCommitment,
}) {}

/** Two proposals of one node for one round. */
export class EquivocationProposalEvidence extends struct("EquivocationProposalEvidence", {
  proposalA: named("prop_a", Proposal),
  proposalB: named("prop_b", Proposal),
}) {}

/** Body of `roothash.Evidence`; exactly one kind is set. */
export class Evidence extends struct("Evidence", {
  id: Namespace,
  equivocationExecutor: optional(EquivocationExecutorEvidence),
  equivocationProposal: named("equivocation_prop", optional(EquivocationProposalEvidence)),
}) {}

/** Body of `roothash.SubmitMsg`. */
export class SubmitMessage extends struct("SubmitMsg", {
  id: Namespace,
  tag: omitEmpty(u64),
  fee: omitEmpty(Quantity),
  tokens: omitEmpty(Quantity),
  data: omitEmpty(bytes({ max: FRAME_BYTES })),
}) {}
