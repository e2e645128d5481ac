import { merkleRoot } from "./merkle.js";
import { bytes, int64, uint32 } from "./proto/fields.js";
import { message, type ProtoType } from "./proto/message.js";

/** The part of a transaction's result that consensus is about; text, codespace and events are not. */
export interface TransactionResult {
  /** 0 is success. */
  readonly code: number;
  readonly data: Uint8Array;
  readonly gasWanted: bigint;
  readonly gasUsed: bigint;
}

const MAX_RESULT_SIZE = 1_048_576;

const HashedResult: ProtoType<TransactionResult> = message<TransactionResult>("TransactionResult", {
  code: uint32(1),
  data: bytes(2, MAX_RESULT_SIZE),
  gasWanted: int64(5),
  gasUsed: int64(6),
});

/** Hash of the results of a block, carried by the next header (consensus: transactions, result). */
export function lastResultsHash(results: readonly TransactionResult[]): Uint8Array {
  return merkleRoot(results.map((result) => HashedResult.encode(result)));
}
