import { BlockId, CONSENSUS_ADDRESS_SIZE, isCompleteBlockId, isZeroBlockId, MAX_HASH_SIZE } from "./block-id.js";
import { merkleRoot } from "./merkle.js";
import { bytes, embedded, int64, text, uint64 } from "./proto/fields.js";
import { message, type ProtoField, type ProtoType } from "./proto/message.js";
import { ProtoWriter } from "./proto/writer.js";
import { Timestamp, ZERO_TIME } from "./timestamp.js";
import { verifyThat } from "./verification-error.js";

/** Longest chain id in bytes; ours always have this size. */
export const MAX_CHAIN_ID_SIZE = 50;

/** Version of the block format that CometBFT 0.37 writes. */
export const BLOCK_PROTOCOL = 11n;

/** Versions of the block format and of the application. */
export interface HeaderVersion {
  readonly block: bigint;
  readonly app: bigint;
}

/** Header of a block. Hash fields are 32 bytes or empty. */
export interface Header {
  readonly version: HeaderVersion;
  readonly chainId: string;
  readonly height: bigint;
  readonly time: Timestamp;
  readonly lastBlockId: BlockId;
  readonly lastCommitHash: Uint8Array;
  readonly dataHash: Uint8Array;
  readonly validatorsHash: Uint8Array;
  readonly nextValidatorsHash: Uint8Array;
  readonly consensusHash: Uint8Array;
  /** State root after the *previous* block. */
  readonly appHash: Uint8Array;
  readonly lastResultsHash: Uint8Array;
  readonly evidenceHash: Uint8Array;
  /** 20 bytes. */
  readonly proposerAddress: Uint8Array;
}

const HeaderVersion: ProtoType<HeaderVersion> = message<HeaderVersion>("HeaderVersion", {
  block: uint64(1),
  app: uint64(2),
});

export const Header: ProtoType<Header> = message<Header>("Header", {
  version: embedded(1, HeaderVersion),
  chainId: text(2, MAX_CHAIN_ID_SIZE),
  height: int64(3),
  time: embedded(4, Timestamp, () => ZERO_TIME),
  lastBlockId: embedded(5, BlockId),
  lastCommitHash: bytes(6, MAX_HASH_SIZE),
  dataHash: bytes(7, MAX_HASH_SIZE),
  validatorsHash: bytes(8, MAX_HASH_SIZE),
  nextValidatorsHash: bytes(9, MAX_HASH_SIZE),
  consensusHash: bytes(10, MAX_HASH_SIZE),
  appHash: bytes(11, MAX_HASH_SIZE),
  lastResultsHash: bytes(12, MAX_HASH_SIZE),
  evidenceHash: bytes(13, MAX_HASH_SIZE),
  proposerAddress: bytes(14, CONSENSUS_ADDRESS_SIZE),
});

/** Hash of a block: merkle root over the 14 fields, each wrapped as field 1 of a message (consensus: CometBFT, header). */
export function headerHash(header: Header): Uint8Array {
  return merkleRoot([
    HeaderVersion.encode(header.version),
    wrapped(text(1, MAX_CHAIN_ID_SIZE), header.chainId),
    wrapped(int64(1), header.height),
    Timestamp.encode(header.time),
    BlockId.encode(header.lastBlockId),
    wrappedHash(header.lastCommitHash),
    wrappedHash(header.dataHash),
    wrappedHash(header.validatorsHash),
    wrappedHash(header.nextValidatorsHash),
    wrappedHash(header.consensusHash),
    wrappedHash(header.appHash),
    wrappedHash(header.lastResultsHash),
    wrappedHash(header.evidenceHash),
    wrappedHash(header.proposerAddress),
  ]);
}

/**
 * Checks what can be checked of a header without context.
 *
 * @throws VerificationError `malformed`
 */
export function checkHeader(header: Header): void {
  verifyThat(header.version.block === BLOCK_PROTOCOL, "malformed", `block protocol is ${header.version.block}, not 11`);
  verifyThat(header.height > 0n, "malformed", `header height ${header.height} is not positive`);
  const { lastBlockId } = header;
  verifyThat(
    isZeroBlockId(lastBlockId) || isCompleteBlockId(lastBlockId),
    "malformed",
    "last block id is neither empty nor complete",
  );
  for (const hash of [
    header.lastCommitHash,
    header.dataHash,
    header.validatorsHash,
    header.nextValidatorsHash,
    header.consensusHash,
    header.lastResultsHash,
    header.evidenceHash,
  ]) {
    verifyThat(hash.length === 0 || hash.length === MAX_HASH_SIZE, "malformed", "a hash is neither empty nor 32 bytes");
  }
  // Without it the reference gives the header no hash at all, so nothing could ever refer to it.
  verifyThat(header.validatorsHash.length === MAX_HASH_SIZE, "malformed", "validators hash is missing");
  verifyThat(header.proposerAddress.length === CONSENSUS_ADDRESS_SIZE, "malformed", "proposer address is not 20 bytes");
}

function wrapped<V>(field: ProtoField<V>, value: V): Uint8Array {
  const writer = new ProtoWriter();
  field.write(writer, value);
  return writer.finish();
}

const hashField = bytes(1, MAX_HASH_SIZE);

function wrappedHash(hash: Uint8Array): Uint8Array {
  return wrapped(hashField, hash);
}
