import { FRAME_BYTES, FRAME_ELEMENTS } from "#common/limits.js";
import { bool, fixedBytes, i64, list, map, omitEmpty, optional, struct, text, u64 } from "#common/schema/index.js";
import { compareVersions, Version } from "#common/version.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import { rawCell, sharedCell } from "./table.js";

/** Gas prices by operation. */
export const GasCostTable = map(text({ max: FRAME_BYTES }), u64, { max: FRAME_ELEMENTS });

/** Parameters of the consensus layer as a whole (consensus: genesis document, section consensus). */
export class ConsensusParameters extends struct("ConsensusParameters", {
  timeoutCommit: i64,
  skipTimeoutCommit: bool,
  emptyBlockInterval: i64,
  maxTxSize: u64,
  maxBlockSize: u64,
  maxBlockGas: u64,
  maxEvidenceSize: u64,
  minGasPrice: omitEmpty(u64),
  stateCheckpointInterval: u64,
  stateCheckpointNumKept: omitEmpty(u64),
  stateCheckpointChunkSize: omitEmpty(u64),
  gasCosts: omitEmpty(GasCostTable),
  publicKeyBlacklist: omitEmpty(list(fixedBytes("PublicKey", 32, { json: "base64" }), { max: 10_000 })),
  featureVersion: optional(Version),
}) {}

/** Hash of the genesis document in hexadecimal, raw. */
export const chainContextCell = rawCell(0xf0);
export const consensusParametersCell = sharedCell(0xf1, ConsensusParameters);

/** The first release whose rules are switched by the feature version. */
export const FEATURES_26_1: Version = { major: 26, minor: 1, patch: 0 };

/** Whether the rules of 26.1 are in force in a running block (consensus: feature gate 26.1). */
export function isFeature261(state: KeyValueReader): boolean {
  const version = consensusParametersCell.get(state)?.featureVersion;
  return version !== undefined && compareVersions(version, FEATURES_26_1) >= 0;
}
