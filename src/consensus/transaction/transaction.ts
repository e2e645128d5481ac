import { type AcceptancePolicy, defineContext, type Signer, verify } from "#common/crypto/signature.js";
import { unknown } from "#common/errors/index.js";
import { hash } from "#common/hash.js";
import { Quantity } from "#common/quantity.js";
import { bytes, fixedBytes, omitEmpty, optional, raw, struct, text, u64 } from "#common/schema/index.js";

/** Longest raw transaction that is ever decoded, in bytes; the chain's own limit (max_tx_size) is lower. */
export const MAX_RAW_TRANSACTION = 8 << 20;
/** The method with which the proposer closes a block. */
export const METHOD_META = "consensus.Meta";
/** Largest size of the raw block metadata transaction, in bytes. */
export const BLOCK_METADATA_MAX_SIZE = 16384;

/** What the signer pays at most: an amount of tokens for a limit of gas. */
export class Fee extends struct("Fee", { amount: Quantity, gas: u64 }) {}

/** An unsigned transaction (consensus: transactions). */
export class Transaction extends struct("Transaction", {
  nonce: u64,
  fee: optional(Fee),
  method: text({ max: 256 }),
  body: omitEmpty(raw),
}) {}

/** The signed envelope; the received bytes of the transaction are what the signature covers. */
export class SignedTransaction extends struct("SignedTransaction", {
  untrustedRawValue: bytes({ max: MAX_RAW_TRANSACTION }),
  signature: struct("Signature", {
    publicKey: fixedBytes("PublicKey", 32, { json: "base64" }),
    signature: fixedBytes("RawSignature", 64, { json: "base64" }),
  }),
}) {}

export const TRANSACTION_CONTEXT = defineContext("oasis-core/consensus: tx", { chain: true });

/** Body of `consensus.Meta`: roots of the state and of the provable events after the block. */
export class BlockMetadata extends struct("BlockMetadata", {
  stateRoot: fixedBytes("Hash", 32, { json: "hex" }),
  eventsRoot: bytes({ max: 32 }),
}) {}

/** The hash by which this protocol names a transaction: SHA-512/256 of the raw envelope. */
export function transactionHash(rawTransaction: Uint8Array): Uint8Array {
  return hash(rawTransaction);
}

/** Signs a transaction and returns the raw envelope. */
export function signTransaction(signer: Signer, tx: Transaction, chainContext: string): Uint8Array {
  const untrustedRawValue = Transaction.encode(tx);
  const signature = signer.sign(TRANSACTION_CONTEXT, untrustedRawValue, { chainContext });
  return SignedTransaction.encode({ untrustedRawValue, signature: { publicKey: signer.publicKey, signature } });
}

/** An opened transaction and who signed it. */
export interface OpenedTransaction {
  readonly tx: Transaction;
  readonly signer: Uint8Array;
}

/**
 * What an envelope says without regard to its signature.
 * @throws DecodeError for malformed bytes
 */
export function peekTransaction(rawTransaction: Uint8Array): OpenedTransaction {
  const { untrustedRawValue, signature } = SignedTransaction.decode(rawTransaction);
  return { tx: Transaction.decode(untrustedRawValue), signer: signature.publicKey };
}

/**
 * Decodes an envelope, checks its signature and decodes the transaction inside.
 * @throws DecodeError for malformed bytes, CodedError unknown/1 for a wrong signature or an empty method
 */
export function openTransaction(
  rawTransaction: Uint8Array,
  chainContext: string,
  policy?: AcceptancePolicy,
): OpenedTransaction {
  const envelope = SignedTransaction.decode(rawTransaction);
  const { publicKey, signature } = envelope.signature;
  const ok = verify(publicKey, TRANSACTION_CONTEXT, envelope.untrustedRawValue, signature, { chainContext, policy });
  if (!ok) throw unknown("signature: verification failed");
  const tx = Transaction.decode(envelope.untrustedRawValue);
  if (tx.method === "") throw unknown("transaction: invalid method");
  return { tx, signer: publicKey };
}
