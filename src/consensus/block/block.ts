import { sha256 } from "#kernels";
import { equalBytes } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { type BlockId, partSetHeader } from "./block-id.js";
import { checkCommit, Commit, commitHash } from "./commit.js";
import { Evidence, evidenceHash } from "./evidence.js";
import { checkHeader, Header, headerHash } from "./header.js";
import { type MerkleProof, merkleProofs, merkleRoot } from "./merkle.js";
import { byteList, embedded, messages, optional } from "./proto/fields.js";
import { message, type ProtoType } from "./proto/message.js";
import { verifyThat } from "./verification-error.js";
import { checkEvidence } from "./verify-evidence.js";

/** Largest encoded block in bytes that the protocol allows at all; genesis documents set far less. */
export const MAX_BLOCK_SIZE = 104_857_600;
/** Most transactions of one block that are decoded. */
const MAX_TRANSACTIONS = 1_048_576;
/** Most pieces of evidence in one block that are decoded. */
const MAX_EVIDENCE = 65_536;

/** The transactions of a block, in order. */
export interface Data {
  readonly txs: readonly Uint8Array[];
}

/** The evidence of a block. */
export interface EvidenceList {
  readonly evidence: readonly Evidence[];
}

/** A block. Its `lastCommit` is the commit of the block before it, empty at the initial height. */
export interface Block {
  readonly header: Header;
  readonly data: Data;
  readonly evidence: EvidenceList;
  readonly lastCommit: Commit | undefined;
}

const Data: ProtoType<Data> = message<Data>("Data", { txs: byteList(1, MAX_TRANSACTIONS, MAX_BLOCK_SIZE) });

export const EvidenceList: ProtoType<EvidenceList> = message<EvidenceList>("EvidenceList", {
  evidence: messages(1, Evidence, MAX_EVIDENCE),
});

const fields: ProtoType<Block> = message<Block>("Block", {
  header: embedded(1, Header),
  data: embedded(2, Data),
  evidence: embedded(3, EvidenceList),
  lastCommit: optional(4, Commit),
});

export const Block: ProtoType<Block> = {
  ...fields,
  decode(bytes) {
    if (bytes.length > MAX_BLOCK_SIZE) throw new DecodeError(`more than ${MAX_BLOCK_SIZE} bytes`, "Block");
    return fields.decode(bytes);
  },
};

/** Merkle root over the SHA-256 hashes of the transactions (consensus: transactions, proofs). */
export function dataHash(txs: readonly Uint8Array[]): Uint8Array {
  return merkleRoot(txs.map((tx) => sha256(tx)));
}

/** One proof per transaction against `dataHash`; verify with the transaction's SHA-256 as leaf. */
export function transactionProofs(txs: readonly Uint8Array[]): MerkleProof[] {
  return merkleProofs(txs.map((tx) => sha256(tx))).proofs;
}

/** The id that commits carry for a block. */
export function blockIdOf(block: Block, encoded: Uint8Array = Block.encode(block)): BlockId {
  return { hash: headerHash(block.header), partSetHeader: partSetHeader(encoded) };
}

/**
 * Checks that the parts of a block are well formed and that its header commits to them.
 *
 * @throws VerificationError `malformed` or `mismatch`
 */
export function checkBlock(block: Block): void {
  const { header, data, evidence, lastCommit } = block;
  checkHeader(header);
  verifyThat(lastCommit !== undefined, "malformed", "block has no last commit");
  checkCommit(lastCommit);
  verifyThat(equalBytes(header.lastCommitHash, commitHash(lastCommit)), "mismatch", "last commit is not the header's");
  verifyThat(equalBytes(header.dataHash, dataHash(data.txs)), "mismatch", "transactions are not the header's");
  for (const piece of evidence.evidence) checkEvidence(piece);
  verifyThat(
    equalBytes(header.evidenceHash, evidenceHash(evidence.evidence)),
    "mismatch",
    "evidence is not the header's",
  );
}
