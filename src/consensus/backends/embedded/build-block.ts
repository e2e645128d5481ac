import { CONSENSUS_PROTOCOL, versionToU64 } from "#common/version.js";
import type { Signer } from "#common/crypto/signature.js";
import { type BlockInput, type BlockOutcome } from "../../app/block-run.js";
import { type BlockId, ZERO_BLOCK_ID } from "../../block/block-id.js";
import { type Block, dataHash } from "../../block/block.js";
import { ABSENT_SIG, BlockIdFlag, type Commit, commitHash, type CommitSig, EMPTY_COMMIT } from "../../block/commit.js";
import { type Evidence, evidenceHash } from "../../block/evidence.js";
import { BLOCK_PROTOCOL } from "../../block/header.js";
import { type BlockParams, consensusParamsHash } from "../../block/params.js";
import { lastResultsHash } from "../../block/results.js";
import { signVote } from "../../block/signing.js";
import type { Timestamp } from "../../block/timestamp.js";
import { validatorSetHash, type ValidatorSet } from "../../block/validator.js";
import { SignedMessageType } from "../../block/vote.js";

/** App version of headers: only the major part of the consensus protocol counts. */
export const APP_VERSION: bigint = versionToU64({ ...CONSENSUS_PROTOCOL, minor: 0, patch: 0 });

/** What the header of the next block refers back to. */
export interface Previous {
  readonly blockId: BlockId;
  readonly commit: Commit;
  readonly results: BlockOutcome["results"];
}

/** Before the first block there is nothing to refer to. */
export const NOTHING_BEFORE: Previous = { blockId: ZERO_BLOCK_ID, commit: EMPTY_COMMIT, results: [] };

/** Everything that goes into a block besides its transactions. */
export interface BlockPlan {
  readonly chainId: string;
  readonly input: BlockInput;
  readonly previous: Previous;
  readonly validators: ValidatorSet;
  readonly nextValidators: ValidatorSet;
  readonly params: BlockParams;
  readonly evidence: readonly Evidence[];
  /** State root before the block. */
  readonly appHash: Uint8Array;
}

/** Puts a block together (consensus: CometBFT, header). */
export function buildBlock(plan: BlockPlan, txs: readonly Uint8Array[]): Block {
  const { input, previous } = plan;
  return {
    header: {
      version: { block: BLOCK_PROTOCOL, app: APP_VERSION },
      chainId: plan.chainId,
      height: input.height,
      time: input.time,
      lastBlockId: previous.blockId,
      lastCommitHash: commitHash(previous.commit),
      dataHash: dataHash(txs),
      validatorsHash: validatorSetHash(plan.validators),
      nextValidatorsHash: validatorSetHash(plan.nextValidators),
      consensusHash: consensusParamsHash(plan.params),
      appHash: plan.appHash,
      lastResultsHash: lastResultsHash(previous.results),
      evidenceHash: evidenceHash(plan.evidence),
      proposerAddress: input.proposerAddress,
    },
    data: { txs },
    evidence: { evidence: plan.evidence },
    lastCommit: previous.commit,
  };
}

/** Finds the signer of a validator address, if this process holds its key. */
export type SignerOf = (address: Uint8Array) => Signer | undefined;

/** A commit with a precommit of every validator whose key this process holds. */
export function signCommit(
  chainId: string,
  height: bigint,
  round: number,
  blockId: BlockId,
  set: ValidatorSet,
  signerOf: SignerOf,
  timestamp: Timestamp,
): Commit {
  const signatures = set.validators.map(({ address }, validatorIndex): CommitSig => {
    const signer = signerOf(address);
    if (signer === undefined) return ABSENT_SIG;
    const type = SignedMessageType.precommit;
    const vote = { type, height, round, blockId, timestamp, validatorAddress: address, validatorIndex };
    const { signature } = signVote(chainId, signer, vote);
    return { blockIdFlag: BlockIdFlag.commit, validatorAddress: address, timestamp, signature };
  });
  return { height, round, blockId, signatures };
}
