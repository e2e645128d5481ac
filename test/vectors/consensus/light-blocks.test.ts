import { describe, expect, test } from "vitest";
import { fromBase64, fromHex, toHex } from "#common/bytes.js";
import { BlockIdFlag, Commit, commitHash } from "#consensus/block/commit.js";
import { dataHash, transactionProofs } from "#consensus/block/block.js";
import { consensusParamsHash } from "#consensus/block/params.js";
import { Header, headerHash } from "#consensus/block/header.js";
import { checkLightBlock, LightBlock } from "#consensus/block/light-block.js";
import { verifyMerkleProof } from "#consensus/block/merkle.js";
import { totalVotingPower, validatorSetHash, compareValidators } from "#consensus/block/validator.js";
import { VerificationError } from "#consensus/block/verification-error.js";
import { verifyCommit, verifyCommitLight, verifyCommitTrusting } from "#consensus/block/verify-commit.js";
import { lastResultsHash } from "#consensus/block/results.js";
import { sha256 } from "#kernels";
import { decode } from "cborg";
import { vectors } from "../support/vectors.ts";

interface Meta {
  readonly meta: string;
}
interface Facts {
  readonly cometbft_chain_id: string;
  readonly header_hash_25300000: string;
  readonly header_hash_25300001: string;
  readonly data_hash_25300000: string;
  readonly validators_hash_25300000: string;
  readonly app_hash_25300000: string;
  readonly last_results_hash_25300001: string;
  readonly validators: number;
  readonly total_voting_power: string;
}
interface RecordedResult {
  readonly code?: number;
  readonly data?: Uint8Array;
  readonly gas_wanted?: number;
  readonly gas_used?: number;
}

const facts = () => vectors<Facts>("consensus/mainnet_25300000_facts.json");
const lightBytes = (height: number) => fromBase64(vectors<Meta>(`consensus/light_block_${height}.json`).meta);
const transactions = () => vectors<string[]>("consensus/txs_25300000.json").map((tx) => fromBase64(tx));

describe("A real Mainnet block", () => {
  test("has light blocks that decode and encode to the same bytes", () => {
    for (const height of [25300000, 25300001]) {
      const encoded = lightBytes(height);
      expect(toHex(LightBlock.encode(LightBlock.decode(encoded)))).toBe(toHex(encoded));
    }
  });

  test("hashes to the header hash, validator set hash and power that the chain had", () => {
    const known = facts();
    const block = checkLightBlock(known.cometbft_chain_id, LightBlock.decode(lightBytes(25300000)));
    expect(toHex(headerHash(block.header))).toBe(known.header_hash_25300000);
    expect(toHex(validatorSetHash(block.validatorSet))).toBe(known.validators_hash_25300000);
    expect(toHex(block.header.appHash)).toBe(known.app_hash_25300000);
    expect(block.validatorSet.validators).toHaveLength(known.validators);
    expect(totalVotingPower(block.validatorSet)).toBe(BigInt(known.total_voting_power));
    expect([...block.validatorSet.validators].sort(compareValidators)).toEqual(block.validatorSet.validators);
    expect(toHex(block.header.consensusHash)).toBe(toHex(consensusParamsHash({ maxBytes: 1048576n, maxGas: -1n })));
    const next = checkLightBlock(known.cometbft_chain_id, LightBlock.decode(lightBytes(25300001)));
    expect(toHex(headerHash(next.header))).toBe(known.header_hash_25300001);
  });

  test("carries 107 precommits that verify under the signature context of this protocol", () => {
    const chainId = facts().cometbft_chain_id;
    for (const height of [25300000, 25300001]) {
      const { header, commit, validatorSet } = checkLightBlock(chainId, LightBlock.decode(lightBytes(height)));
      expect(commit.signatures.filter((slot) => slot.blockIdFlag !== BlockIdFlag.absent)).toHaveLength(107);
      verifyCommit(chainId, validatorSet, commit.blockId, header.height, commit);
      verifyCommitLight(chainId, validatorSet, commit.blockId, header.height, commit);
      verifyCommitTrusting(chainId, validatorSet, commit);
    }
  });

  test("is refused when one byte of one signature or the chain id changes", () => {
    const chainId = facts().cometbft_chain_id;
    const { header, commit, validatorSet } = checkLightBlock(chainId, LightBlock.decode(lightBytes(25300000)));
    const slots = commit.signatures.map((slot, index) =>
      index === 106 ? { ...slot, signature: slot.signature.map((byte, at) => (at === 5 ? byte ^ 1 : byte)) } : slot,
    );
    const check = (chain: string, changed: Commit) => () =>
      verifyCommit(chain, validatorSet, commit.blockId, header.height, changed);
    expect(check(chainId, { ...commit, signatures: slots })).toThrow(VerificationError);
    expect(check(chainId.replace("b", "a"), commit)).toThrow(/signature 0 is wrong/);
    expect(check(chainId, { ...commit, height: header.height + 1n })).toThrow(/height/);
  });

  test("commits to its transactions, and each transaction has a proof against the header", () => {
    const txs = transactions();
    expect(toHex(dataHash(txs))).toBe(facts().data_hash_25300000);
    const root = dataHash(txs);
    transactionProofs(txs).forEach((proof, index) => {
      const leaf = sha256(txs[index] ?? new Uint8Array(0));
      expect(verifyMerkleProof(proof, root, leaf)).toBe(true);
      expect(verifyMerkleProof(proof, root, sha256(leaf))).toBe(false);
      expect(verifyMerkleProof({ ...proof, index: (proof.index + 1n) % proof.total }, root, leaf)).toBe(false);
    });
  });

  test("has results whose hash the next header carries", () => {
    const meta = decode(fromBase64(vectors<Meta>("consensus/results_25300000.json").meta)) as {
      txs_results: RecordedResult[];
    };
    const results = meta.txs_results.map((result) => ({
      code: result.code ?? 0,
      data: result.data ?? new Uint8Array(0),
      gasWanted: BigInt(result.gas_wanted ?? 0),
      gasUsed: BigInt(result.gas_used ?? 0),
    }));
    expect(toHex(lastResultsHash(results))).toBe(facts().last_results_hash_25300001);
  });

  test("is described by the block query with the header and last commit in protobuf", () => {
    const block = vectors<Meta & { hash: string; size: number }>("consensus/block_25300000.json");
    const meta = decode(fromBase64(block.meta)) as { header: Uint8Array; last_commit: Uint8Array };
    const header = Header.decode(meta.header);
    const lastCommit = Commit.decode(meta.last_commit);
    expect(toHex(Header.encode(header))).toBe(toHex(meta.header));
    expect(toHex(Commit.encode(lastCommit))).toBe(toHex(meta.last_commit));
    expect(toHex(headerHash(header))).toBe(block.hash);
    expect(toHex(commitHash(lastCommit))).toBe(toHex(header.lastCommitHash));
    expect(toHex(fromHex(block.hash))).toBe(facts().header_hash_25300000);
  });
});
