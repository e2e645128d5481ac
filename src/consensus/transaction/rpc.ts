/** Submitting transactions (consensus: gRPC, submission). */
import { Address } from "#common/address.js";
import { PublicKey } from "#common/crypto/keys.js";
import { FRAME_BYTES } from "#common/limits.js";
import { Quantity } from "#common/quantity.js";
import { defineMethods, unary } from "#common/rpc/index.js";
import { bytes, i64, nothing, nullable, struct, u64 } from "#common/schema/index.js";
import { SignedTransaction, Transaction } from "./transaction.js";

export class EstimateGasRequest extends struct("EstimateGasRequest", {
  signer: PublicKey,
  transaction: nullable(Transaction),
}) {}

/** Whose nonce is asked for. v26.1 dropped the method; the JavaScript client still calls it. */
export class SignerNonceRequest extends struct("GetSignerNonceRequest", { accountAddress: Address, height: i64 }) {}

/** Where a transaction is, with its encoded proof. */
export class TransactionProof extends struct("TransactionProof", {
  height: i64,
  rawProof: bytes({ max: FRAME_BYTES }),
}) {}

/** The part of the consensus layer's methods that a sender of transactions needs. */
export const submissionMethods = defineMethods("Consensus", {
  SubmitTx: unary(SignedTransaction, nothing),
  SubmitTxNoWait: unary(SignedTransaction, nothing),
  SubmitTxWithProof: unary(SignedTransaction, TransactionProof),
  EstimateGas: unary(EstimateGasRequest, u64),
  MinGasPrice: unary(nothing, Quantity),
  GetSignerNonce: unary(SignerNonceRequest, u64),
});
