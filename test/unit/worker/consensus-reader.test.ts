import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sha256 } from "#kernels";
import { LightBlock } from "#consensus/block/light-block.js";
import { verifyMerkleProof } from "#consensus/block/merkle.js";
import { ValidatorSet } from "#consensus/block/validator.js";
import { EncodedProof, ServiceEvent } from "#consensus/rpc.js";
import { Submitter } from "#consensus/submission.js";
import { METHOD_META, SignedTransaction, Transaction } from "#consensus/transaction/transaction.js";
import { EVENT_KIND, type TransactionProof } from "#runtime/rhp/messages/index.js";
import { BackendReader } from "#worker/consensus-reader.js";
import { systemClock } from "#platform/clock.js";
import { insertCall, RUNTIME_ID, type TestNetwork, testNetwork } from "./support/local-network.ts";

let net: TestNetwork;
let reader: BackendReader;

beforeAll(async () => {
  net = testNetwork();
  await net.network.start();
  await net.worker("client-0").client.submitTx(insertCall("alice", 0n, "key", "value"));
  const { backend } = net.network;
  reader = new BackendReader(backend, new Submitter(backend, net.network.node("compute-0").identity.node, systemClock));
});

afterAll(async () => {
  await net.network.stop();
});

function expectProven(signedTx: SignedTransaction, { height, rawProof }: TransactionProof): void {
  const header = net.network.backend.block(height)?.header;
  expect(header).toBeDefined();
  const leaf = sha256(SignedTransaction.encode(signedTx));
  expect(verifyMerkleProof(EncodedProof.decode(rawProof), header?.dataHash as Uint8Array, leaf)).toBe(true);
}

describe("what a runtime reads of the consensus layer", () => {
  test("light blocks: signed header and validators of a height, of the latest for 0", async () => {
    const { latestHeight } = net.network.backend;
    const { height, meta } = reader.lightBlock(latestHeight - 1n);
    expect(height).toBe(latestHeight - 1n);
    const block = LightBlock.decode(meta as Uint8Array);
    expect(block.signedHeader?.header?.height).toBe(height);
    expect(block.validatorSet?.validators).toHaveLength(4);
    expect(reader.lightBlock(0n).height).toBeGreaterThanOrEqual(latestHeight);
  });

  test("of the next two heights only the validators, at once; beyond them and of ages past nothing", async () => {
    const { latestHeight } = net.network.backend;
    for (const coming of [latestHeight + 1n, latestHeight + 2n]) {
      const { height, meta } = reader.lightBlock(coming);
      expect(height).toBe(coming);
      const block = LightBlock.decode(meta as Uint8Array);
      expect(block.signedHeader).toBeUndefined();
      expect(block.validatorSet?.validators).toHaveLength(4);
      const { meta: validators } = reader.validators(coming);
      expect(ValidatorSet.decode(validators as Uint8Array)).toEqual(block.validatorSet);
    }
    const missing = latestHeight + 1000n;
    const refusal = (what: string): object =>
      expect.objectContaining({
        module: "unknown",
        code: 1,
        message: expect.stringMatching(`^failed to fetch ${what} for height ${missing}: `) as string,
      });
    expect(() => reader.lightBlock(missing)).toThrow(refusal("light block"));
    expect(() => reader.validators(missing)).toThrow(refusal("validator"));
  });

  test("the closing transaction of a block with a proof against the block's data hash", async () => {
    const { signedTx, proof } = reader.metadataTransaction(2n);
    expect(Transaction.decode(signedTx.untrustedRawValue).method).toBe(METHOD_META);
    expect(proof.height).toBe(2n);
    expectProven(signedTx, proof);
  });

  test("a freshness proof: its blob in a transaction of the node, proven to be in a block", async () => {
    const { signedTx, proof } = await reader.proveFreshness(new Uint8Array(32).fill(7));
    expect(Transaction.decode(signedTx.untrustedRawValue).method).toBe("registry.ProveFreshness");
    expect(signedTx.signature.publicKey).toEqual(net.network.node("compute-0").identity.node.publicKey);
    expectProven(signedTx, proof);
  });

  test("events of one service, each under its name", async () => {
    const block = net.worker("client-0").client.getBlock(net.worker("client-0").status.latestRound as bigint);
    const { height } = net.worker("client-0").history.block(block.header.round) as { height: bigint };
    const events = reader.events(height, EVENT_KIND.roothash).map((raw) => ServiceEvent.decode(raw));
    expect(events.every(({ roothash }) => roothash !== undefined)).toBe(true);
    const finalized = events.find(({ roothash }) => roothash?.finalized !== undefined)?.roothash;
    expect(finalized).toMatchObject({ runtimeId: RUNTIME_ID, finalized: { round: block.header.round } });
    expect(reader.events(1n, EVENT_KIND.governance)).toEqual([]);
    expect(() => reader.events(1n, 9)).toThrow("method not supported");
    expect(reader.genesisHeight()).toBe(1n);
  });
});
