import { EMPTY_HASH } from "#common/hash.js";
import { consensusAddress, ZERO_BLOCK_ID } from "#consensus/block/block-id.js";
import { validatorSetHash } from "#consensus/block/validator.js";
import { LightBlock as EngineLightBlock } from "#consensus/block/light-block.js";
import type { LightBlock } from "#runtime/rhp/messages/index.js";
import { CHAIN, seal, setOf, START, validator } from "../../consensus/light/support/chain.ts";

const signer = 1;
const made = new Map<bigint, LightBlock>();

/** A well-formed light block that one validator has signed; the same one each time. */
export function lightBlock(height: bigint): LightBlock {
  const known = made.get(height);
  if (known !== undefined) return known;
  const set = setOf([signer]);
  const address = consensusAddress(validator(signer).publicKey);
  const header = {
    version: { block: 11n, app: 1n },
    chainId: CHAIN,
    height,
    time: START,
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
  const { commit, validatorSet } = seal(header, set, 0, new Set([address.join()]));
  const meta = EngineLightBlock.encode({ signedHeader: { header, commit }, validatorSet });
  const block = { height, meta };
  made.set(height, block);
  return block;
}
