/** Client API of a node about itself (runtime layer: gRPC). */
import { PublicKey } from "#common/crypto/keys.js";
import { defineErrors } from "#common/errors/index.js";
import { Hash } from "#common/hash.js";
import { FRAME_BYTES, FRAME_ELEMENTS } from "#common/limits.js";
import { Namespace } from "#common/namespace.js";
import { defineMethods, unary } from "#common/rpc/index.js";
import {
  bool,
  i64,
  list,
  map,
  nothing,
  nullable,
  omitEmpty,
  optional,
  raw,
  struct,
  text,
  time,
  u64,
} from "#common/schema/index.js";
import { Version } from "#common/version.js";
import { ConsensusStatus } from "#consensus/rpc.js";
import { UpgradeDescriptor } from "#consensus/services/governance/types.js";
import { Node } from "#consensus/services/registry/types/node.js";
import { Runtime } from "#consensus/services/registry/types/runtime.js";
import { NodeStatus } from "#consensus/services/registry/types/status.js";
import { PendingUpgrades } from "#consensus/services/upgrades/types.js";
import { Root } from "#mkvs/node/root.js";
import { StorageWorkerStatus } from "#worker/storage/rpc.js";
import { CommitteeStatus, ExecutorStatus, IndexerStatus, P2pStatus } from "./status-types.js";

const words = text({ max: FRAME_BYTES });
const many = { max: FRAME_ELEMENTS };

export const controlErrors = defineErrors("control", { notImplemented: [1, "control: not implemented"] });

export class IdentityStatus extends struct("IdentityStatus", {
  node: PublicKey,
  consensus: PublicKey,
  tls: PublicKey,
}) {}

/** Present where the node runs with test keys and debug switches. */
export class DebugStatus extends struct("DebugStatus", { enabled: bool, allowRoot: bool }) {}

/** How the node's registration stands. */
export class RegistrationStatus extends struct("RegistrationStatus", {
  lastAttemptSuccessful: bool,
  lastAttemptErrorMessage: omitEmpty(words),
  lastAttempt: time,
  lastRegistration: time,
  descriptor: optional(Node),
  nodeStatus: optional(NodeStatus),
}) {}

export class ComponentStatus extends struct("ComponentStatus", {
  kind: words,
  name: omitEmpty(words),
  version: omitEmpty(Version),
  detached: omitEmpty(bool),
  disabled: omitEmpty(bool),
}) {}

/** How a runtime stands that the node hosts or follows; statuses of workers are given only by what runs them. */
export class RuntimeStatus extends struct("RuntimeStatus", {
  descriptor: nullable(Runtime),
  latestRound: u64,
  latestHash: Hash,
  /** Unix seconds. */
  latestTime: u64,
  latestStateRoot: Root,
  genesisRound: u64,
  genesisHash: Hash,
  lastRetainedRound: u64,
  lastRetainedHash: Hash,
  committee: nullable(CommitteeStatus),
  executor: optional(ExecutorStatus),
  storage: optional(StorageWorkerStatus),
  indexer: optional(IndexerStatus),
  provisioner: omitEmpty(words),
  components: omitEmpty(list(ComponentStatus, many)),
}) {}

/** What a node says about itself. */
export class ControlStatus extends struct("Status", {
  softwareVersion: words,
  mode: words,
  debug: optional(DebugStatus),
  identity: IdentityStatus,
  consensus: optional(ConsensusStatus),
  lightClient: omitEmpty(raw),
  runtimes: omitEmpty(map(Namespace, RuntimeStatus, many)),
  registration: optional(RegistrationStatus),
  keymanager: omitEmpty(raw),
  pendingUpgrades: omitEmpty(PendingUpgrades),
  p2p: optional(P2pStatus),
  seed: omitEmpty(raw),
}) {}

/** Methods of a node about itself. */
export const nodeControllerMethods = defineMethods("NodeController", {
  RequestShutdown: unary(bool, nothing),
  WaitSync: unary(nothing, nothing),
  IsSynced: unary(nothing, bool),
  WaitReady: unary(nothing, nothing),
  IsReady: unary(nothing, bool),
  UpgradeBinary: unary(UpgradeDescriptor, nothing),
  CancelUpgrade: unary(UpgradeDescriptor, nothing),
  GetStatus: unary(nothing, ControlStatus),
  AddBundle: unary(words, nothing),
});

/** Methods of development networks. */
export const debugControllerMethods = defineMethods("DebugController", {
  SetEpoch: unary(u64, nothing),
  WaitNodesRegistered: unary(i64, nothing),
});
