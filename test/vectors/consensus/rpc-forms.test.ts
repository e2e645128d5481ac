import { describe, expect, test } from "vitest";
import { fromBase64, toHex } from "#common/bytes.js";
import type { Json } from "#common/json.js";
import type { BlockOutcome } from "#consensus/app/block-run.js";
import { Block } from "#consensus/block/block.js";
import { Commit } from "#consensus/block/commit.js";
import { Header } from "#consensus/block/header.js";
import { LightBlock as LightBlockMessage } from "#consensus/block/light-block.js";
import { totalVotingPower } from "#consensus/block/validator.js";
import { BlockMeta, BlockResults, BlockResultsMeta, ConsensusBlock } from "#consensus/rpc.js";
import { LightBlock } from "#consensus/light/rpc.js";
import { transactionHash } from "#consensus/transaction/transaction.js";
import { transactionResults } from "#node/rpc/consensus-events.js";
import { blockResults, consensusBlock } from "#node/rpc/consensus-forms.js";
import { vectors } from "../support/vectors.ts";

const HEIGHT = 25300000n;
const recordedBlock = () => ConsensusBlock.fromJson(vectors<Json>("consensus/block_25300000.json"));
const recordedResults = () => BlockResults.fromJson(vectors<Json>("consensus/results_25300000.json"));
const transactions = () => vectors<string[]>("consensus/txs_25300000.json").map((tx) => fromBase64(tx));

/** The recorded block put together again from its parts. */
function block(): Block {
  const { header, lastCommit } = BlockMeta.decode(recordedBlock().meta);
  return {
    header: Header.decode(header),
    data: { txs: transactions() },
    evidence: { evidence: [] },
    lastCommit: Commit.decode(lastCommit),
  };
}

/** The recorded results as an execution of ours would have given them. */
function outcome(): BlockOutcome {
  const meta = BlockResultsMeta.decode(recordedResults().meta);
  return {
    beginEvents: meta.beginBlockEvents ?? [],
    results: meta.txsResults ?? [],
    endEvents: meta.endBlockEvents ?? [],
    validatorUpdates: [],
    appHash: new Uint8Array(32),
  };
}

describe("A real Mainnet block as clients get it", () => {
  test("is made from its parts to the last byte", () => {
    const recorded = recordedBlock();
    const made = consensusBlock(block());
    expect(toHex(made.meta)).toBe(toHex(recorded.meta));
    expect(ConsensusBlock.toJson(made)).toEqual(ConsensusBlock.toJson(recorded));
    const again = ConsensusBlock.decode(ConsensusBlock.encode(made));
    expect(ConsensusBlock.toJson(again)).toEqual(ConsensusBlock.toJson(recorded));
  });

  test("has results that are made from an outcome to the last byte", () => {
    const recorded = recordedResults();
    const made = blockResults({ height: HEIGHT, block: block(), outcome: outcome() });
    expect(made.height).toBe(recorded.height);
    expect(toHex(made.meta)).toBe(toHex(recorded.meta));
  });

  test("has light blocks that carry the total voting power", () => {
    const recorded = LightBlock.fromJson(vectors<Json>("consensus/light_block_25300000.json"));
    const { signedHeader, validatorSet } = LightBlockMessage.decode(recorded.meta);
    expect(validatorSet?.totalVotingPower).toBeGreaterThan(0n);
    if (validatorSet === undefined) return;
    const set = { ...validatorSet, totalVotingPower: totalVotingPower(validatorSet) };
    const meta = LightBlockMessage.encode({ signedHeader, validatorSet: set });
    expect(toHex(meta)).toBe(toHex(recorded.meta));
  });

  test("has transactions whose errors, gas and events are told one by one", () => {
    const results = transactionResults({ height: HEIGHT, block: block(), outcome: outcome() }, HEIGHT);
    expect(results).toHaveLength(27);
    const { results: raw } = outcome();
    results.forEach(({ error, gasUsed, events }, i) => {
      expect([error.module, error.code, gasUsed]).toEqual([raw[i]?.codespace, raw[i]?.code, raw[i]?.gasUsed]);
      expect(events?.length ?? 0).toBe(raw[i]?.events.length);
    });
    const [registration, late] = results;
    const txHash = transactionHash(transactions()[0] as Uint8Array);
    expect(registration?.events?.[0]?.registry).toMatchObject({ height: HEIGHT, txHash });
    expect(registration?.events?.[0]?.registry?.node?.isRegistration).toBe(true);
    expect(late).toMatchObject({ error: { module: "roothash/commitment", code: 7 }, events: null, gasUsed: 31_703n });
    expect(results[2]?.events?.[0]?.roothash?.executorCommitted?.commit.header.header.round).toBeGreaterThan(0n);
  });
});
