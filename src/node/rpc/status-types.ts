/** What a node says about its workers (runtime layer: gRPC, status). */
import { PublicKey } from "#common/crypto/keys.js";
import { FRAME_BYTES, FRAME_ELEMENTS } from "#common/limits.js";
import { bytes, i64, list, map, nullable, optional, struct, text, time, u8, u16, u64 } from "#common/schema/index.js";
import { Version } from "#common/version.js";
import { byteEnumList, CommitteeRole } from "#consensus/services/scheduler/types.js";
import { NodeAddress } from "#consensus/services/registry/types/node-address.js";

const words = text({ max: FRAME_BYTES });
const many = { max: FRAME_ELEMENTS };
/** A peer's name in libp2p: the hash of its public key. */
const PEER_ID_BYTES = 128;

/** What a runtime's worker is doing. */
export const COMMITTEE_STATES = {
  ready: 0,
  waitingRegistry: 2,
  waitingHostedRuntime: 4,
  waitingWorkers: 6,
  suspended: 7,
} as const;

/** What an executor is doing. */
export const EXECUTOR_STATES = { ready: 0, waitingRuntime: 1 } as const;

/** How often a node has done its part in the committee of this epoch. */
export class LivenessStatus extends struct("LivenessStatus", {
  totalRounds: u64,
  liveRounds: u64,
  finalizedProposals: u64,
  missedProposals: u64,
}) {}

/** Versions of the runtime that the node has. */
export class HostStatus extends struct("HostStatus", { versions: nullable(list(Version, many)) }) {}

/** A runtime's worker and its place in the committee; the rank is 2^64-1 when it schedules nothing. */
export class CommitteeStatus extends struct("CommitteeStatus", {
  status: u8,
  activeVersion: nullable(Version),
  latestRound: u64,
  latestHeight: i64,
  executorRoles: nullable(byteEnumList(CommitteeRole)),
  schedulerRank: u64,
  liveness: optional(LivenessStatus),
  peers: nullable(list(words, many)),
  host: HostStatus,
}) {}

export class ExecutorStatus extends struct("ExecutorStatus", { status: u8 }) {}

/** How far a node is that records again what happened before it began. */
export class ReindexStatus extends struct("ReindexStatus", {
  batchSize: u16,
  lastHeight: i64,
  startHeight: i64,
  endHeight: i64,
  eta: time,
}) {}

/** The recorder of a runtime's blocks. */
export class IndexerStatus extends struct("IndexerStatus", {
  status: text({ max: 256 }),
  lastRound: u64,
  reindexStatus: optional(ReindexStatus),
}) {}

/** A node among its peers. */
export class P2pStatus extends struct("P2PStatus", {
  pubKey: PublicKey,
  peerId: bytes({ max: PEER_ID_BYTES }),
  addresses: nullable(list(NodeAddress, many)),
  numPeers: i64,
  numConnections: i64,
  protocols: nullable(map(words, i64, many)),
  topics: nullable(map(words, i64, many)),
}) {}
