import { sha256 } from "#kernels";
import { equalBytes } from "#common/bytes.js";
import { merkleRoot } from "./merkle.js";
import { bytes, embedded, uint32 } from "./proto/fields.js";
import { message, type ProtoType } from "./proto/message.js";

/** Size of a hash field on the wire; longer ones are refused when decoding. */
export const MAX_HASH_SIZE = 32;

/** Size in bytes of a consensus address. */
export const CONSENSUS_ADDRESS_SIZE = 20;

/** Blocks travel and are committed to in parts of this many bytes. */
const BLOCK_PART_SIZE = 65_536;

/** Commits to the encoded block: how many parts, and the merkle root over them. */
export interface PartSetHeader {
  readonly total: number;
  readonly hash: Uint8Array;
}

/** Names a block: hash of its header, and commitment to its encoded form. All zero stands for "no block". */
export interface BlockId {
  readonly hash: Uint8Array;
  readonly partSetHeader: PartSetHeader;
}

export const PartSetHeader: ProtoType<PartSetHeader> = message<PartSetHeader>("PartSetHeader", {
  total: uint32(1),
  hash: bytes(2, MAX_HASH_SIZE),
});

export const BlockId: ProtoType<BlockId> = message<BlockId>("BlockId", {
  hash: bytes(1, MAX_HASH_SIZE),
  partSetHeader: embedded(2, PartSetHeader),
});

/** The id that votes for nil and the first header's predecessor carry. */
export const ZERO_BLOCK_ID: BlockId = BlockId.zero();

/** Whether both ids name the same block in the same encoding. */
export function equalBlockIds(a: BlockId, b: BlockId): boolean {
  return (
    equalBytes(a.hash, b.hash) &&
    a.partSetHeader.total === b.partSetHeader.total &&
    equalBytes(a.partSetHeader.hash, b.partSetHeader.hash)
  );
}

/** Whether the id names no block. */
export function isZeroBlockId(id: BlockId): boolean {
  return id.hash.length === 0 && id.partSetHeader.total === 0 && id.partSetHeader.hash.length === 0;
}

/** Whether the id names a block in full, with hashes of the right size. */
export function isCompleteBlockId(id: BlockId): boolean {
  return (
    id.hash.length === MAX_HASH_SIZE && id.partSetHeader.total > 0 && id.partSetHeader.hash.length === MAX_HASH_SIZE
  );
}

/** Commitment to an encoded block (`Block.encode`), cut into parts of 65,536 bytes. */
export function partSetHeader(encodedBlock: Uint8Array): PartSetHeader {
  const parts: Uint8Array[] = [];
  for (let start = 0; start < encodedBlock.length; start += BLOCK_PART_SIZE) {
    parts.push(encodedBlock.subarray(start, start + BLOCK_PART_SIZE));
  }
  return { total: parts.length, hash: merkleRoot(parts) };
}

/** Address of a 32-byte Ed25519 consensus key: the first 20 bytes of its SHA-256 (consensus: CometBFT, keys). */
export function consensusAddress(publicKey: Uint8Array): Uint8Array {
  return sha256(publicKey).slice(0, CONSENSUS_ADDRESS_SIZE);
}
