import { sha256 } from "#kernels";
import { embedded, int64, optional, texts, uint64 } from "./proto/fields.js";
import { message, type ProtoType } from "./proto/message.js";
import { Duration } from "./timestamp.js";

/** Limits of a block. */
export interface BlockParams {
  readonly maxBytes: bigint;
  /** -1 for no limit. */
  readonly maxGas: bigint;
}

/** How long and how much evidence is accepted. */
export interface EvidenceParams {
  readonly maxAgeNumBlocks: bigint;
  /** Nanoseconds. */
  readonly maxAgeDuration: bigint;
  readonly maxBytes: bigint;
}

/** Parameters of the consensus engine (not of this protocol's application). An update leaves out what stays. */
export interface ConsensusParams {
  readonly block: BlockParams | undefined;
  readonly evidence: EvidenceParams | undefined;
  readonly validator: { readonly pubKeyTypes: readonly string[] } | undefined;
  readonly version: { readonly app: bigint } | undefined;
}

const BlockParams: ProtoType<BlockParams> = message<BlockParams>("BlockParams", {
  maxBytes: int64(1),
  maxGas: int64(2),
});

const EvidenceParams: ProtoType<EvidenceParams> = message<EvidenceParams>("EvidenceParams", {
  maxAgeNumBlocks: int64(1),
  maxAgeDuration: embedded(2, Duration),
  maxBytes: int64(3),
});

const ValidatorParams = message<{ readonly pubKeyTypes: readonly string[] }>("ValidatorParams", {
  pubKeyTypes: texts(1, 16, 64),
});

const VersionParams = message<{ readonly app: bigint }>("VersionParams", { app: uint64(1) });

export const ConsensusParams: ProtoType<ConsensusParams> = message<ConsensusParams>("ConsensusParams", {
  block: optional(1, BlockParams),
  evidence: optional(2, EvidenceParams),
  validator: optional(3, ValidatorParams),
  version: optional(4, VersionParams),
});

/** Hash of the parameters as headers carry it: only the two block limits enter (consensus: CometBFT, header). */
export function consensusParamsHash(block: BlockParams): Uint8Array {
  return sha256(BlockParams.encode(block));
}
