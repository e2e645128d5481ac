import { bech32 } from "@scure/base";
import { decode } from "cborg";
import { describe, expect, test } from "vitest";
import { concatBytes, fromBase64, fromHex, toHex, utf8 } from "#common/bytes.js";
import { hash } from "#common/hash.js";
import { Block, blockIdOf, checkBlock } from "#consensus/block/block.js";
import { equalBlockIds, ZERO_BLOCK_ID } from "#consensus/block/block-id.js";
import { Commit } from "#consensus/block/commit.js";
import { Header, headerHash } from "#consensus/block/header.js";
import { ConsensusParams, consensusParamsHash } from "#consensus/block/params.js";
import { lastResultsHash } from "#consensus/block/results.js";
import { validatorSetHash, type ValidatorSet } from "#consensus/block/validator.js";
import {
  applyValidatorUpdates,
  newValidatorSet,
  proposerOfRound,
  rotateProposer,
  type ValidatorUpdate,
} from "#consensus/block/validator-set.js";
import { medianTime, verifyCommit } from "#consensus/block/verify-commit.js";
import { misbehaviorOf } from "#consensus/block/evidence.js";
import { verifyDuplicateVote } from "#consensus/block/verify-evidence.js";
import { listVectors, vectorLines, vectors } from "../support/vectors.ts";

interface Recorded {
  readonly height: number;
  readonly block: string;
  readonly commit: string;
  readonly last_results_hash: string;
  readonly app_hash: string;
  readonly consensus_param_updates: string;
  readonly tx_results: { code: number; data: string; gas_wanted: number; gas_used: number }[];
  readonly validator_updates: { pub_key: string; power: number }[];
}

interface Genesis {
  readonly registry: { nodes?: { untrusted_raw_value: string }[] };
  readonly staking: { ledger?: Record<string, { escrow?: { active?: { balance?: string } } }> };
  readonly scheduler: {
    params: { debug_bypass_stake?: boolean; max_validators: number; max_validators_per_entity: number };
  };
  readonly consensus: { params: { max_block_size: string; max_block_gas: string } };
}

const ROLE_VALIDATOR = 8;
const chains = [...new Set(listVectors("chains").map((file) => file.split("/")[1] ?? ""))];

interface GenesisNode {
  readonly roles: number;
  readonly entity_id: Uint8Array;
  readonly consensus: { readonly id: Uint8Array };
}

/** The first validators as the genesis document gives them, with powers from the escrow of their entities. */
function genesisValidators(genesis: Genesis): ValidatorUpdate[] {
  const bypass = genesis.scheduler.params.debug_bypass_stake === true;
  return (genesis.registry.nodes ?? [])
    .map((node) => decode(fromBase64(node.untrusted_raw_value)) as GenesisNode)
    .filter((node) => (node.roles & ROLE_VALIDATOR) !== 0)
    .map((node) => {
      const stake = BigInt(genesis.staking.ledger?.[stakingAddress(node.entity_id)]?.escrow?.active?.balance ?? "0");
      const power = bypass || stake < 16n ? 1n : stake / 16n;
      return { publicKey: new Uint8Array(node.consensus.id), power };
    });
}

function stakingAddress(publicKey: Uint8Array): string {
  const digest = hash(utf8("oasis-core/address: staking"), Uint8Array.of(0), publicKey);
  return bech32.encode("oasis", bech32.toWords(concatBytes(Uint8Array.of(0), digest.subarray(0, 20))));
}

function decodeSame(recorded: Recorded): Block {
  const encoded = fromHex(recorded.block);
  const block = Block.decode(encoded);
  expect(toHex(Block.encode(block))).toBe(recorded.block);
  expect(toHex(Commit.encode(Commit.decode(fromHex(recorded.commit))))).toBe(recorded.commit);
  return block;
}

describe.each(chains)("The recorded chain %s", (chain) => {
  test("has blocks that re-encode identically, whose headers commit to content, results, predecessor and commit", () => {
    const lines = vectorLines<Recorded>(`chains/${chain}/blocks.jsonl.gz`);
    const genesis = vectors<Genesis>(`chains/${chain}/genesis.json`);
    const limits = {
      maxBytes: BigInt(genesis.consensus.params.max_block_size),
      maxGas:
        BigInt(genesis.consensus.params.max_block_gas) === 0n ? -1n : BigInt(genesis.consensus.params.max_block_gas),
    };
    let previous: { recorded: Recorded; block: Block } | undefined;
    for (const recorded of lines) {
      const block = decodeSame(recorded);
      checkBlock(block);
      expect(toHex(Header.encode(Header.decode(Header.encode(block.header))))).toBe(toHex(Header.encode(block.header)));
      const commit = Commit.decode(fromHex(recorded.commit));
      expect(equalBlockIds(commit.blockId, blockIdOf(block))).toBe(true);
      expect(toHex(consensusParamsHash(limits))).toBe(toHex(block.header.consensusHash));
      const update = ConsensusParams.decode(fromHex(recorded.consensus_param_updates));
      expect(toHex(ConsensusParams.encode(update))).toBe(recorded.consensus_param_updates);
      const results = recorded.tx_results.map((result) => ({
        code: result.code,
        data: fromHex(result.data),
        gasWanted: BigInt(result.gas_wanted),
        gasUsed: BigInt(result.gas_used),
      }));
      expect(toHex(lastResultsHash(results))).toBe(recorded.last_results_hash);
      if (previous === undefined) {
        expect(equalBlockIds(block.header.lastBlockId, ZERO_BLOCK_ID)).toBe(true);
      } else {
        expect(toHex(block.header.lastBlockId.hash)).toBe(toHex(headerHash(previous.block.header)));
        expect(equalBlockIds(block.header.lastBlockId, blockIdOf(previous.block))).toBe(true);
        expect(toHex(block.header.appHash)).toBe(previous.recorded.app_hash);
        expect(toHex(block.header.lastResultsHash)).toBe(previous.recorded.last_results_hash);
      }
      previous = { recorded, block };
    }
  });

  test("follows the validator sets, proposers, commits and block times that its updates give", () => {
    const lines = vectorLines<Recorded>(`chains/${chain}/blocks.jsonl.gz`);
    const genesis = vectors<Genesis>(`chains/${chain}/genesis.json`);
    const first = Block.decode(fromHex(lines[0]?.block ?? ""));
    const members = genesisValidators(genesis);
    let current = newValidatorSet(members);
    expect(toHex(validatorSetHash(current))).toBe(toHex(first.header.validatorsHash));
    let next = rotateProposer(current, 1);
    let last: ValidatorSet = { validators: [], proposer: undefined, totalVotingPower: 0n };
    let previous: Block | undefined;
    for (const recorded of lines) {
      const block = Block.decode(fromHex(recorded.block));
      const { header } = block;
      expect(toHex(validatorSetHash(current))).toBe(toHex(header.validatorsHash));
      expect(toHex(validatorSetHash(next))).toBe(toHex(header.nextValidatorsHash));
      const commit = Commit.decode(fromHex(recorded.commit));
      verifyCommit(header.chainId, current, blockIdOf(block), header.height, commit);
      // A block that was first proposed in an earlier round names that round's proposer.
      const turn = Array.from({ length: commit.round + 1 }, (_, round) => proposerOfRound(current, round).address);
      expect(turn.map(toHex)).toContain(toHex(header.proposerAddress));
      if (previous !== undefined && block.lastCommit !== undefined) {
        verifyCommit(header.chainId, last, header.lastBlockId, header.height - 1n, block.lastCommit);
        expect(medianTime(block.lastCommit, last)).toEqual(header.time);
      }
      const updates = recorded.validator_updates.map(({ pub_key, power }) => ({
        publicKey: fromHex(pub_key),
        power: BigInt(power),
      }));
      last = current;
      current = next;
      next = rotateProposer(applyValidatorUpdates(next, updates), 1);
      previous = block;
    }
  });
});

describe("Recorded evidence", () => {
  test("of two votes verifies against the validators of its height, and not when a vote is changed", () => {
    let checked = 0;
    for (const chain of chains) {
      const lines = vectorLines<Recorded>(`chains/${chain}/blocks.jsonl.gz`);
      const genesis = vectors<Genesis>(`chains/${chain}/genesis.json`);
      const first = Block.decode(fromHex(lines[0]?.block ?? "")).header;
      const set = newValidatorSet(genesisValidators(genesis));
      for (const { block } of lines) {
        for (const { type, value } of Block.decode(fromHex(block)).evidence.evidence) {
          if (type !== "duplicateVote" || value.validatorPower === 0n) continue;
          const { voteA, voteB } = value;
          if (voteA === undefined || voteB === undefined) throw new TypeError("both votes are there");
          const at = lines[Number(voteA.height - first.height)];
          const header = Block.decode(fromHex(at?.block ?? "")).header;
          // The set of that height is at hand only while it is still the first one.
          if (toHex(validatorSetHash(set)) !== toHex(header.validatorsHash)) continue;
          verifyDuplicateVote(first.chainId, value, set);
          const swapped = { ...value, voteA: voteB, voteB: voteA };
          expect(() => verifyDuplicateVote(first.chainId, swapped, set)).toThrow(/not ordered/);
          const wrong = { ...value, voteA: { ...voteA, timestamp: voteB.timestamp, signature: voteB.signature } };
          expect(() => verifyDuplicateVote(first.chainId, wrong, set)).toThrow(/signature of the first/);
          const power = { ...value, validatorPower: value.validatorPower + 1n };
          expect(() => verifyDuplicateVote(first.chainId, power, set)).toThrow(/power of the validator/);
          checked += 1;
        }
      }
    }
    expect(checked).toBeGreaterThan(0);
  });

  test("names the validators that voted twice", () => {
    const found = chains.flatMap((chain) =>
      vectorLines<Recorded>(`chains/${chain}/blocks.jsonl.gz`).flatMap(({ block }) =>
        Block.decode(fromHex(block)).evidence.evidence.flatMap((evidence) => misbehaviorOf(evidence)),
      ),
    );
    expect(found.length).toBeGreaterThan(0);
    for (const entry of found) {
      expect(entry.address).toHaveLength(20);
      expect(entry.votingPower > 0n && entry.totalVotingPower >= entry.votingPower).toBe(true);
    }
  });
});
