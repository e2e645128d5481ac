/** What a light client asks of a node (consensus: gRPC, light client): blocks without their content, and proofs. */
import { FRAME_BYTES } from "#common/limits.js";
import { defineMethods, unary } from "#common/rpc/index.js";
import { bytes, i64, nothing, struct, text } from "#common/schema/index.js";
import { GetPrefixesRequest, GetRequest, IterateRequest, ProofResponse } from "#mkvs/proof/proof.js";

const content = bytes({ max: FRAME_BYTES });

/** A light block, validator set or similar in the engine's encoding. */
export class LightBlock extends struct("LightBlock", { height: i64, meta: content }) {}
export class Validators extends struct("Validators", { height: i64, meta: content }) {}
/** Evidence of misbehaviour in the engine's encoding. */
export class ConsensusEvidence extends struct("Evidence", { meta: content }) {}

/** The part of the consensus layer's methods that needs no type of any service. Heights are block heights, 0 = latest. */
export const lightMethods = defineMethods("Consensus", {
  GetLightBlock: unary(i64, LightBlock),
  GetValidators: unary(i64, Validators),
  GetLatestHeight: unary(nothing, i64),
  GetChainContext: unary(nothing, text({ max: FRAME_BYTES })),
  SubmitEvidence: unary(ConsensusEvidence, nothing),
  StateSyncGet: unary(GetRequest, ProofResponse),
  StateSyncGetPrefixes: unary(GetPrefixesRequest, ProofResponse),
  StateSyncIterate: unary(IterateRequest, ProofResponse),
});
