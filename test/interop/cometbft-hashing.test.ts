/** Every hash and signature of blocks fetched over RPC, checked with an implementation that is not ours. */
import {
  client as oasisClient,
  consensus,
  misc,
  quantity,
  signature,
  staking,
  type types,
} from "@oasisprotocol/client";
import { ConsensusParams } from "cosmjs-types/tendermint/types/params.js";
import { Commit, Header, LightBlock } from "cosmjs-types/tendermint/types/types.js";
import { ValidatorSet } from "cosmjs-types/tendermint/types/validator.js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { installBrowserRequest } from "./support/browser-request.ts";
import {
  hashOfCommit,
  hashOfData,
  hashOfHeader,
  type HashedResult,
  hashOfParams,
  hashOfResults,
  hashOfValidators,
  merkle,
  partsOf,
  signedPower,
} from "./support/comet-hashing.ts";
import { type RunningNetwork, startNetwork } from "./support/network.ts";

let running: RunningNetwork | undefined;
let node: oasisClient.NodeInternal;

beforeAll(async () => {
  installBrowserRequest();
  running = await startNetwork();
  node = new oasisClient.NodeInternal(running.url);
});
afterAll(() => running?.stop());

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

interface ResultsMeta {
  readonly txs_results: readonly HashedResult[];
}

/** The client has no call for results: gRPC-web by hand, as any tool would do it. */
async function resultsOf(height: bigint): Promise<readonly HashedResult[]> {
  const body = misc.toCBOR(height);
  const frame = Buffer.concat([Buffer.of(0, 0, 0, 0, body.length), body]);
  const response = await fetch(`${running?.url}/oasis-core.Consensus/GetBlockResults`, {
    method: "POST",
    headers: { "content-type": "application/grpc-web+proto" },
    body: frame,
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  expect(bytes.readUInt8(0)).toBe(0);
  const answer = misc.fromCBOR(bytes.subarray(5, 5 + bytes.readUInt32BE(1))) as { height: number; meta: ResultsMeta };
  expect(BigInt(answer.height)).toBe(height);
  return answer.meta.txs_results;
}

/** Root of the state that the closing transaction of a block states. */
function statedRoot(transactions: readonly Uint8Array[]): Uint8Array {
  const last = misc.fromCBOR(transactions.at(-1) as Uint8Array) as types.SignatureSigned;
  const transaction = misc.fromCBOR(last.untrusted_raw_value) as types.ConsensusTransaction;
  expect(transaction.method).toBe("consensus.Meta");
  return (transaction.body as { state_root: Uint8Array }).state_root;
}

async function blockAt(height: bigint) {
  const block = await node.consensusGetBlock(height);
  const meta = block.meta as { header: Uint8Array; last_commit: Uint8Array };
  const header = Header.decode(meta.header);
  const lastCommit = Commit.decode(meta.last_commit);
  // Nothing is lost in another implementation's protobuf.
  expect(hex(Header.encode(header).finish())).toBe(hex(meta.header));
  expect(hex(Commit.encode(lastCommit).finish())).toBe(hex(meta.last_commit));
  return { block, header, lastCommit, transactions: await node.consensusGetTransactions(height) };
}

const validatorsAt = async (height: bigint): Promise<ValidatorSet> => {
  const light = LightBlock.decode((await node.consensusGetLightBlock(height)).meta);
  if (light.validatorSet === undefined) throw new Error("light block without validators");
  return light.validatorSet;
};

async function verifyBlock(height: bigint): Promise<void> {
  const { block, header, lastCommit, transactions } = await blockAt(height);
  const before = await blockAt(height - 1n);
  const chainContext = await node.consensusGetChainContext();
  const hash = hashOfHeader(header);
  expect(hex(block.hash)).toBe(hex(hash));
  expect(header.chainId).toBe(chainContext.slice(0, 50));
  expect(header.height).toBe(height);
  expect(BigInt(block.time)).toBe(header.time.seconds);
  expect(hex(header.dataHash)).toBe(hex(hashOfData(transactions)));
  expect(hex(header.lastCommitHash)).toBe(hex(hashOfCommit(lastCommit)));
  expect(hex(header.evidenceHash)).toBe(hex(merkle([])));
  expect(hex(header.lastBlockId.hash)).toBe(hex(hashOfHeader(before.header)));
  expect(hex(header.lastResultsHash)).toBe(hex(hashOfResults(await resultsOf(height - 1n))));
  expect(hex(header.appHash)).toBe(hex(statedRoot(before.transactions)));
  expect(block.state_root).toMatchObject({ version: Number(height - 1n), hash: header.appHash, root_type: 1 });
  const params = await node.consensusGetParameters(height);
  expect(hex(header.consensusHash)).toBe(hex(hashOfParams(ConsensusParams.decode(params.meta))));

  const set = await validatorsAt(height);
  expect(hex(header.validatorsHash)).toBe(hex(hashOfValidators(set)));
  expect(hex(header.nextValidatorsHash)).toBe(hex(hashOfValidators(await validatorsAt(height + 1n))));
  expect(set.validators.some(({ address }) => hex(address) === hex(header.proposerAddress))).toBe(true);
  expect(hex(set.proposer?.address ?? new Uint8Array(0))).toBe(hex(header.proposerAddress));

  const { signedHeader } = LightBlock.decode((await node.consensusGetLightBlock(height)).meta);
  const commit = signedHeader?.commit as Commit;
  expect(hex(hashOfHeader(signedHeader?.header as Header))).toBe(hex(hash));
  expect(commit.height).toBe(height);
  expect(hex(commit.blockId.hash)).toBe(hex(hash));
  const parts = partsOf({ header, data: { txs: [...transactions] }, evidence: { evidence: [] }, lastCommit });
  expect(commit.blockId.partSetHeader.total).toBe(parts.total);
  expect(hex(commit.blockId.partSetHeader.hash)).toBe(hex(parts.hash));
  const { signed, total } = signedPower(header.chainId, commit, set);
  expect(signed * 3n).toBeGreaterThan(total * 2n);
}

async function transfer(): Promise<void> {
  const seed = running?.accounts[1]?.seed ?? new Uint8Array(32);
  const signer = new signature.BlindContextSigner(signature.NaclSigner.fromSeed(seed, "this key is not important"));
  const address = staking.addressFromPublicKey(signer.public());
  const nonce = await node.consensusGetSignerNonce({ account_address: address, height: consensus.HEIGHT_LATEST });
  const wrapper = staking.transferWrapper();
  wrapper.setNonce(nonce ?? 0n).setBody({ to: address, amount: quantity.fromBigInt(1n) });
  wrapper.setFeeAmount(quantity.fromBigInt(0n)).setFeeGas(await wrapper.estimateGas(node, signer.public()));
  await wrapper.sign(signer, await node.consensusGetChainContext());
  await wrapper.submit(node);
}

test("the latest block, with a user's transaction, holds up against another implementation", async () => {
  await transfer();
  await verifyBlock(BigInt(await node.consensusGetLatestHeight()));
});

test("every block since genesis holds up, with its results and the state root it states", async () => {
  const latest = BigInt(await node.consensusGetLatestHeight());
  expect(latest).toBeGreaterThan(10n);
  for (let height = 2n; height <= latest; height++) await verifyBlock(height);
});

test("the other implementation notices what is changed", async () => {
  const height = BigInt(await node.consensusGetLatestHeight());
  const { header } = await blockAt(height);
  const light = LightBlock.decode((await node.consensusGetLightBlock(height)).meta);
  const commit = light.signedHeader?.commit as Commit;
  const set = light.validatorSet as ValidatorSet;
  expect(hex(hashOfHeader({ ...header, height: header.height + 1n }))).not.toBe(hex(hashOfHeader(header)));
  expect(() => signedPower(`${header.chainId.slice(1)}0`, commit, set)).toThrow("is not signed");
  const late = commit.signatures.map((vote) => ({
    ...vote,
    timestamp: { ...vote.timestamp, seconds: vote.timestamp.seconds + 1n },
  }));
  expect(() => signedPower(header.chainId, { ...commit, signatures: late }, set)).toThrow("is not signed");
});
