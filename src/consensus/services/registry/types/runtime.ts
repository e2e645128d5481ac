/** Runtime descriptors (registry: descriptors). */
import { PublicKey } from "#common/crypto/keys.js";
import { Hash } from "#common/hash.js";
import { FRAME_BYTES, FRAME_ELEMENTS } from "#common/limits.js";
import { Namespace } from "#common/namespace.js";
import { Quantity } from "#common/quantity.js";
import {
  bytes,
  enumeration,
  extension,
  i64,
  list,
  map,
  named,
  nullable,
  omitEmpty,
  optional,
  type Schema,
  struct,
  u16,
  u32,
  u64,
  u8,
} from "#common/schema/index.js";
import { Version } from "#common/version.js";
import { CommitteeKind, CommitteeRole } from "../../scheduler/types.js";
import { Slash, SlashReason, ThresholdKind } from "../../staking/types/thresholds.js";
import { RuntimeAdmissionPolicy } from "./admission.js";

/** Version of descriptors that are written today. */
export const RUNTIME_VERSION = 3;

export const RUNTIME_COMPUTE = 1;
export const RUNTIME_KEY_MANAGER = 2;

export const GOVERNANCE_ENTITY = 1;
export const GOVERNANCE_RUNTIME = 2;
export const GOVERNANCE_CONSENSUS = 3;

/** Who may change the descriptor. */
export type RuntimeGovernanceModel = number;
export const RuntimeGovernanceModel: Schema<number> = enumeration("RuntimeGovernanceModel", {
  invalid: 0,
  entity: GOVERNANCE_ENTITY,
  runtime: GOVERNANCE_RUNTIME,
  consensus: GOVERNANCE_CONSENSUS,
});

export class ExecutorParameters extends struct("ExecutorParameters", {
  groupSize: u16,
  groupBackupSize: u16,
  allowedStragglers: u16,
  /** Consensus blocks. */
  roundTimeout: i64,
  maxMessages: u32,
  minLiveRoundsPercent: omitEmpty(u8),
  /** 0 means that all may be missed. */
  maxMissedProposalsPercent: omitEmpty(u8),
  minLiveRoundsForEvaluation: named("min_live_rounds_eval", omitEmpty(u64)),
  /** 0 means no limit. */
  maxLivenessFailures: named("max_liveness_fails", omitEmpty(u8)),
}) {}

export class TxnSchedulerParameters extends struct("TxnSchedulerParameters", {
  /** Nanoseconds. */
  batchFlushTimeout: omitEmpty(i64),
  maxBatchSize: omitEmpty(u64),
  maxBatchSizeBytes: omitEmpty(u64),
  maxInMessages: omitEmpty(u32),
  /** Nanoseconds until a proposal of the next scheduler is accepted. */
  proposerTimeout: named("propose_batch_timeout", omitEmpty(i64)),
}) {}

/** Lets anybody make storage nodes prove that they still have what they signed for; an extension of the protocol. */
export class StorageChallengeParameters extends struct("StorageChallengeParameters", {
  /** What a challenge costs; the node gets it if it answers. */
  deposit: Quantity,
  /** Consensus blocks that a node has for its answer. */
  responseBlocks: u64,
  /** Oldest round that may be asked for, counted from the last one. */
  maxAgeRounds: u64,
}) {}

/** Demands receipts of storage nodes for the results of each round; an extension of the protocol. */
export class StorageCommitteeParameters extends struct("StorageCommitteeParameters", {
  /** Epoch from which commitments need receipts. */
  validFrom: omitEmpty(u64),
  groupSize: u16,
  /** Fewest receipts that a commitment has to carry. */
  minWriteReplication: u16,
  /** Most write logs in one request to a storage node. */
  maxApplyOps: u64,
  /** Most entries in one write log. */
  maxApplyWriteLogEntries: u64,
  challenge: extension(optional(StorageChallengeParameters)),
}) {}

export class StorageParameters extends struct("StorageParameters", {
  /** Rounds. */
  checkpointInterval: u64,
  checkpointNumKept: u64,
  /** Bytes. */
  checkpointChunkSize: u64,
  committee: extension(optional(StorageCommitteeParameters)),
}) {}

/** The entity must have a node in the validator set. */
export class ValidatorSetConstraint extends struct("ValidatorSetConstraint", {}) {}

export class MaxNodesConstraint extends struct("MaxNodesConstraint", { limit: u16 }) {}

export class MinPoolSizeConstraint extends struct("MinPoolSizeConstraint", { limit: u16 }) {}

/** Constraints of one committee role; all that are set must hold. */
export class SchedulingConstraints extends struct("SchedulingConstraints", {
  validatorSet: optional(ValidatorSetConstraint),
  maxNodes: optional(MaxNodesConstraint),
  minPoolSize: optional(MinPoolSizeConstraint),
}) {}

export class RuntimeStakingParameters extends struct("RuntimeStakingParameters", {
  thresholds: omitEmpty(map(ThresholdKind, Quantity, { max: FRAME_ELEMENTS })),
  slashing: omitEmpty(map(SlashReason, Slash, { max: FRAME_ELEMENTS })),
  /** Percent of a slashed amount that the runtime's account gets. */
  rewardEquivocation: omitEmpty(u8),
  rewardBadResults: omitEmpty(u8),
  minInMessageFee: omitEmpty(Quantity),
}) {}

/** State that a runtime starts from. */
export class RuntimeGenesis extends struct("RuntimeGenesis", { stateRoot: Hash, round: u64 }) {}

/** One version of a runtime and the epoch from which it counts. */
export class VersionInfo extends struct("VersionInfo", {
  version: Version,
  validFrom: u64,
  /** Encoded constraints; an empty string is told apart from none, though neither is written. */
  tee: omitEmpty(nullable(bytes({ max: FRAME_BYTES }))),
  /** SHA-256 of the bundle manifest. */
  bundleChecksum: omitEmpty(bytes({ max: FRAME_BYTES })),
}) {}

export class Runtime extends struct("Runtime", {
  v: u16,
  id: Namespace,
  entityId: PublicKey,
  genesis: RuntimeGenesis,
  kind: u32,
  teeHardware: u8,
  keyManager: optional(Namespace),
  executor: ExecutorParameters,
  txnScheduler: omitEmpty(TxnSchedulerParameters),
  storage: StorageParameters,
  admissionPolicy: RuntimeAdmissionPolicy,
  constraints: omitEmpty(
    map(CommitteeKind, nullable(map(CommitteeRole, SchedulingConstraints, { max: FRAME_ELEMENTS })), {
      max: FRAME_ELEMENTS,
    }),
  ),
  staking: omitEmpty(RuntimeStakingParameters),
  governanceModel: RuntimeGovernanceModel,
  deployments: omitEmpty(list(nullable(VersionInfo), { max: FRAME_ELEMENTS })),
}) {}

/** What a runtime demands of storage nodes in an epoch; undefined when it has no storage committee then. */
export function storageCommitteeOf({ storage }: Runtime, epoch: bigint): StorageCommitteeParameters | undefined {
  const { committee } = storage;
  return committee === undefined || epoch < committee.validFrom ? undefined : committee;
}
