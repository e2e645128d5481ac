/** Start of a connection, liveness and errors (runtime host protocol: start-up sequence, errors). */
import { Namespace } from "#common/namespace.js";
import { bool, map, omitEmpty, optional, raw, struct, text, u32 } from "#common/schema/index.js";
import { Version } from "#common/version.js";

/** A body without members. */
export class Empty extends struct("Empty", {}) {}

/** The answer of a failed request; code 0 means no error. */
export class ErrorBody extends struct("Error", {
  module: omitEmpty(text({ max: 1024 })),
  code: omitEmpty(u32),
  message: omitEmpty(text({ max: 1 << 20 })),
}) {}

/** What the host tells the runtime first. */
export class RuntimeInfoRequest extends struct("RuntimeInfoRequest", {
  runtimeId: Namespace,
  /** Always the literal `tendermint`. */
  consensusBackend: text({ max: 64 }),
  consensusProtocolVersion: Version,
  /** Hexadecimal text. */
  consensusChainContext: text({ max: 128 }),
  /** Settings of this node for this runtime: must never influence replicated results. */
  localConfig: optional(map(text({ max: 1024 }), raw, { max: 4096 })),
}) {}

/** The runtime chooses which transactions of a batch it takes. */
export class FeatureScheduleControl extends struct("FeatureScheduleControl", {
  /** How many transactions the host sends at once. */
  initialBatchSize: u32,
}) {}

/** What a runtime supports beyond the basics. */
export class Features extends struct("Features", {
  scheduleControl: optional(FeatureScheduleControl),
  keyManagerQuotePolicyUpdates: omitEmpty(bool),
  keyManagerStatusUpdates: omitEmpty(bool),
  endorsedCapabilityTee: omitEmpty(bool),
}) {}

/** The answer to RuntimeInfoRequest: from here on the connection is ready. */
export class RuntimeInfoResponse extends struct("RuntimeInfoResponse", {
  protocolVersion: Version,
  runtimeVersion: Version,
  features: Features,
}) {}
