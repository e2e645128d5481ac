import { equalBytes } from "#common/bytes.js";
import type { Signer } from "#common/crypto/signature.js";
import { type BlockId, consensusAddress } from "#consensus/block/block-id.js";
import { ABSENT_SIG, BlockIdFlag, type CommitSig } from "#consensus/block/commit.js";
import { type Header, headerHash } from "#consensus/block/header.js";
import type { CompleteLightBlock } from "#consensus/block/light-block.js";
import { signVote } from "#consensus/block/signing.js";
import { type ValidatorSet, validatorSetHash } from "#consensus/block/validator.js";
import { SignedMessageType } from "#consensus/block/vote.js";

/** How a block differs from the one of the chain. */
export interface Forgery {
  readonly height: bigint;
  readonly bend: (header: Header) => Header;
  /** Keys that sign it. */
  readonly signers: readonly Signer[];
  /** Those of the chain if absent. */
  readonly validators?: ValidatorSet;
  readonly round?: number;
}

/** A block that is not on the chain, with the votes of those members of its set that sign. */
export function forgeBlock(
  original: CompleteLightBlock,
  { height, bend, signers, validators = original.validatorSet, round = 0 }: Forgery,
): CompleteLightBlock {
  const header = bend({ ...original.header, height, validatorsHash: validatorSetHash(validators) });
  const hash = headerHash(header);
  const blockId: BlockId = { hash, partSetHeader: { total: 1, hash } };
  const signatures = validators.validators.map(({ address }, validatorIndex): CommitSig => {
    const signer = signers.find(({ publicKey }) => equalBytes(consensusAddress(publicKey), address));
    if (signer === undefined) return ABSENT_SIG;
    const timestamp = header.time;
    const type = SignedMessageType.precommit;
    const vote = { type, height, round, blockId, timestamp, validatorAddress: address, validatorIndex };
    const { signature } = signVote(original.header.chainId, signer, vote);
    return { blockIdFlag: BlockIdFlag.commit, validatorAddress: address, timestamp, signature };
  });
  return { header, commit: { height, round, blockId, signatures }, validatorSet: validators };
}
