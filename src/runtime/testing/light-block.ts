import { EMPTY_HASH } from "#common/hash.js";
import { MemorySigner } from "#common/crypto/signature.js";
import { consensusAddress, ZERO_BLOCK_ID } from "#consensus/block/block-id.js";
import { BlockIdFlag } from "#consensus/block/commit.js";
import { headerHash } from "#consensus/block/header.js";
import { LightBlock as EngineLightBlock } from "#consensus/block/light-block.js";
import { validatorSetHash } from "#consensus/block/validator.js";
import { newValidatorSet } from "#consensus/block/validator-set.js";
import type { LightBlock } from "../rhp/messages/index.js";

const CHAIN_ID = "0".repeat(50);
const TIME = { seconds: 1_700_000_000n, nanos: 0 };

/** A light block that is well formed; nobody has signed it, so only a runtime that believes its host takes it. */
export function wellFormedBlock(height: bigint): LightBlock {
  const { publicKey } = MemorySigner.fromTestName("validator of a runtime without a network");
  const set = newValidatorSet([{ publicKey, power: 1n }]);
  const address = consensusAddress(publicKey);
  const header = {
    version: { block: 11n, app: 1n },
    chainId: CHAIN_ID,
    height,
    time: TIME,
    lastBlockId: ZERO_BLOCK_ID,
    lastCommitHash: EMPTY_HASH,
    dataHash: EMPTY_HASH,
    validatorsHash: validatorSetHash(set),
    nextValidatorsHash: validatorSetHash(set),
    consensusHash: EMPTY_HASH,
    appHash: EMPTY_HASH,
    lastResultsHash: EMPTY_HASH,
    evidenceHash: EMPTY_HASH,
    proposerAddress: address,
  };
  const blockId = { hash: headerHash(header), partSetHeader: { total: 1, hash: EMPTY_HASH } };
  const vote = { blockIdFlag: BlockIdFlag.commit, validatorAddress: address, timestamp: TIME };
  const signatures = [{ ...vote, signature: new Uint8Array(64) }];
  const commit = { height, round: 0, blockId, signatures };
  return { height, meta: EngineLightBlock.encode({ signedHeader: { header, commit }, validatorSet: set }) };
}
