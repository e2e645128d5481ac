/**
 * CometBFT's hashing and signing written again from its specification, on protobuf classes and hashes of others, so
 * that blocks are not checked with the code that made them.
 */
import { createHash, createPublicKey, verify as verifySignature } from "node:crypto";
import { BinaryWriter } from "cosmjs-types/binary.js";
import { Timestamp } from "cosmjs-types/google/protobuf/timestamp.js";
import { ResponseDeliverTx } from "cosmjs-types/tendermint/abci/types.js";
import { Block } from "cosmjs-types/tendermint/types/block.js";
import { type ConsensusParams, HashedParams } from "cosmjs-types/tendermint/types/params.js";
import { BlockID, type Commit, CommitSig, type Header } from "cosmjs-types/tendermint/types/types.js";
import { SimpleValidator, type ValidatorSet } from "cosmjs-types/tendermint/types/validator.js";
import { Consensus } from "cosmjs-types/tendermint/version/types.js";

const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();

/** Root of the RFC 6962 tree over SHA-256. */
export function merkle(leaves: readonly Uint8Array[]): Buffer {
  if (leaves.length === 0) return sha256(new Uint8Array(0));
  if (leaves.length === 1) return sha256(Buffer.concat([Buffer.of(0), leaves[0] as Uint8Array]));
  let half = 1;
  while (half * 2 < leaves.length) half *= 2;
  return sha256(Buffer.concat([Buffer.of(1), merkle(leaves.slice(0, half)), merkle(leaves.slice(half))]));
}

// Each field is the only one of a message of its own.
const wrappedBytes = (value: Uint8Array): Uint8Array =>
  value.length === 0 ? new Uint8Array(0) : new BinaryWriter().uint32(10).bytes(value).finish();

export function hashOfHeader(header: Header): Buffer {
  return merkle([
    Consensus.encode(header.version).finish(),
    new BinaryWriter().uint32(10).string(header.chainId).finish(),
    new BinaryWriter().uint32(8).int64(header.height).finish(),
    Timestamp.encode(header.time).finish(),
    BlockID.encode(header.lastBlockId).finish(),
    wrappedBytes(header.lastCommitHash),
    wrappedBytes(header.dataHash),
    wrappedBytes(header.validatorsHash),
    wrappedBytes(header.nextValidatorsHash),
    wrappedBytes(header.consensusHash),
    wrappedBytes(header.appHash),
    wrappedBytes(header.lastResultsHash),
    wrappedBytes(header.evidenceHash),
    wrappedBytes(header.proposerAddress),
  ]);
}

export const hashOfData = (transactions: readonly Uint8Array[]): Buffer => merkle(transactions.map(sha256));

export const hashOfCommit = (commit: Commit): Buffer =>
  merkle(commit.signatures.map((signature) => CommitSig.encode(signature).finish()));

export const hashOfValidators = (set: ValidatorSet): Buffer =>
  merkle(set.validators.map(({ pubKey, votingPower }) => SimpleValidator.encode({ pubKey, votingPower }).finish()));

export function hashOfParams({ block }: ConsensusParams): Buffer {
  if (block === undefined) throw new Error("parameters without block limits");
  return sha256(HashedParams.encode({ blockMaxBytes: block.maxBytes, blockMaxGas: block.maxGas }).finish());
}

/** The four fields of a transaction's result that are hashed. */
export interface HashedResult {
  readonly code?: number;
  readonly data?: Uint8Array;
  readonly gas_wanted?: number | bigint;
  readonly gas_used?: number | bigint;
}

export const hashOfResults = (results: readonly HashedResult[]): Buffer =>
  merkle(
    results.map(({ code, data, gas_wanted, gas_used }) =>
      ResponseDeliverTx.encode(
        ResponseDeliverTx.fromPartial({
          code: code ?? 0,
          data: data ?? new Uint8Array(0),
          gasWanted: BigInt(gas_wanted ?? 0),
          gasUsed: BigInt(gas_used ?? 0),
        }),
      ).finish(),
    ),
  );

const PART_SIZE = 65_536;

/** Number and merkle root of the parts in which a block is gossiped. */
export function partsOf(block: Block): { total: number; hash: Buffer } {
  const bytes = Block.encode(block).finish();
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += PART_SIZE) parts.push(bytes.subarray(at, at + PART_SIZE));
  return { total: parts.length, hash: merkle(parts) };
}

/** What a validator signs to agree to a block: the canonical vote, with its length before it. */
function voteBytes(chainId: string, commit: Commit, vote: CommitSig): Uint8Array {
  const { hash, partSetHeader } = commit.blockId;
  const parts = new BinaryWriter().uint32(8).uint32(partSetHeader.total).uint32(18).bytes(partSetHeader.hash).finish();
  const blockId = new BinaryWriter().uint32(10).bytes(hash).uint32(18).bytes(parts).finish();
  const writer = new BinaryWriter().uint32(8).int32(2).uint32(17).sfixed64(commit.height);
  if (commit.round !== 0) writer.uint32(25).sfixed64(BigInt(commit.round));
  writer.uint32(34).bytes(blockId).uint32(42).bytes(Timestamp.encode(vote.timestamp).finish());
  const body = writer.uint32(50).string(chainId).finish();
  return new BinaryWriter().bytes(body).finish();
}

const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

/** Whether an Ed25519 signature is good over SHA-512/256 of this protocol's prefix and the bytes. */
function isSigned(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  const digest = createHash("sha512-256").update("oasis-core/tendermint").update(bytes).digest();
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: "der", type: "spki" });
  return verifySignature(null, digest, key, signature);
}

/** Voting power that signed a commit, in all and out of which; throws for a bad signature. */
export function signedPower(chainId: string, commit: Commit, set: ValidatorSet): { signed: bigint; total: bigint } {
  let [signed, total] = [0n, 0n];
  if (commit.signatures.length !== set.validators.length) throw new Error("commit is not of this validator set");
  commit.signatures.forEach((vote, i) => {
    const { address, pubKey, votingPower } = set.validators[i] as ValidatorSet["validators"][number];
    total += votingPower;
    if (vote.blockIdFlag === 1) return;
    const publicKey = pubKey.ed25519;
    if (publicKey === undefined || !sha256(publicKey).subarray(0, 20).equals(address)) throw new Error("wrong address");
    if (!Buffer.from(vote.validatorAddress).equals(address)) throw new Error(`vote ${i} is of another validator`);
    if (!isSigned(publicKey, voteBytes(chainId, commit, vote), vote.signature))
      throw new Error(`vote ${i} is not signed`);
    if (vote.blockIdFlag === 2) signed += votingPower;
  });
  return { signed, total };
}
