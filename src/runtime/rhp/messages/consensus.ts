/** What a runtime reads of the consensus layer through its host (runtime host protocol: runtime to host bodies). */
import { SignedTransaction } from "#consensus/transaction/transaction.js";
import { PublicKey } from "#common/crypto/keys.js";
import { fixedBytes, i64, nullable, omitEmpty, raw, struct, u64, u8 } from "#common/schema/index.js";
import { blob, items } from "./limits.js";

/** A light block of the consensus layer in the engine's encoding; without meta where nobody will look at it. */
export class LightBlock extends struct("LightBlock", { height: i64, meta: nullable(blob) }) {}

/** A validator set in the engine's encoding. */
export class Validators extends struct("Validators", { height: i64, meta: nullable(blob) }) {}

/** Proof that a transaction is part of a block. */
export class TransactionProof extends struct("Proof", { height: i64, rawProof: blob }) {}

export class HostFetchConsensusBlockRequest extends struct("HostFetchConsensusBlockRequest", {
  /** 0 for the latest. */
  height: u64,
}) {}

export class HostFetchConsensusBlockResponse extends struct("HostFetchConsensusBlockResponse", { block: LightBlock }) {}

export class HostFetchConsensusValidatorsRequest extends struct("HostFetchConsensusValidatorsRequest", {
  height: u64,
}) {}

export class HostFetchConsensusValidatorsResponse extends struct("HostFetchConsensusValidatorsResponse", {
  validators: Validators,
}) {}

/** Services whose events can be asked for. */
export const EVENT_KIND = { staking: 1, registry: 2, roothash: 3, governance: 4 } as const;

export class HostFetchConsensusEventsRequest extends struct("HostFetchConsensusEventsRequest", {
  height: u64,
  /** One of EVENT_KIND. */
  kind: u8,
}) {}

export class HostFetchConsensusEventsResponse extends struct("HostFetchConsensusEventsResponse", {
  /** Each `{staking | registry | roothash | governance: event}`, encoded. */
  events: omitEmpty(items(raw)),
}) {}

export class HostFetchBlockMetadataTxRequest extends struct("HostFetchBlockMetadataTxRequest", { height: u64 }) {}

export class HostFetchBlockMetadataTxResponse extends struct("HostFetchBlockMetadataTxResponse", {
  signedTx: SignedTransaction,
  proof: TransactionProof,
}) {}

export class HostFetchGenesisHeightResponse extends struct("HostFetchGenesisHeightResponse", { height: u64 }) {}

export class HostProveFreshnessRequest extends struct("HostProveFreshnessRequest", {
  blob: fixedBytes("freshness blob", 32, { json: "base64" }),
}) {}

export class HostProveFreshnessResponse extends struct("HostProveFreshnessResponse", {
  signedTx: SignedTransaction,
  proof: TransactionProof,
}) {}

export class HostIdentityResponse extends struct("HostIdentityResponse", { nodeId: PublicKey }) {}
