import { transactionProofs } from "./block/block.js";
import { EncodedProof } from "./rpc.js";

/** One encoded proof per transaction, against the data hash of the block's header. */
export function encodedProofs(transactions: readonly Uint8Array[]): Uint8Array[] {
  return transactionProofs(transactions).map(({ total, index, leafHash, aunts }) =>
    EncodedProof.encode({ total, index, leafHash, aunts: [...aunts] }),
  );
}
