/** Receipts of storage nodes for the roots of a round (root hash: storage receipts; an extension of the protocol). */
import {
  type AcceptancePolicy,
  defineContext,
  KeyedSignature,
  prepareMessage,
  type SignatureContext,
  signKeyed,
  type Signer,
  verify,
} from "#common/crypto/signature.js";
import { Hash } from "#common/hash.js";
import { Namespace } from "#common/namespace.js";
import { bytes, list, named, struct, u16, u64 } from "#common/schema/index.js";

/** Version of receipt bodies. */
const RECEIPT_VERSION = 1;
const ROOT_TYPE_STATE = 1;
const ROOT_TYPE_IO = 2;
/** Roots of one receipt. */
const MAX_ROOTS = 2;

/** Domain of a storage node's signature over what it keeps. */
const RECEIPT_CONTEXT: SignatureContext = defineContext("oasis-core/storage: receipt", { chain: true });

/** What a storage node signs; receipts travel without it, since who verifies knows it. */
class ReceiptBody extends struct("ReceiptBody", {
  version: u16,
  namespace: named("ns", Namespace),
  round: u64,
  /** One byte per root: 1 for the state, 2 for inputs and outputs. */
  rootTypes: bytes({ max: MAX_ROOTS }),
  roots: list(Hash, { max: MAX_ROOTS }),
}) {}

/** What a receipt is for. */
export interface ReceiptSubject {
  /** Identifier of the runtime, 32 bytes. */
  readonly namespace: Uint8Array;
  /** The round that the roots are of. */
  readonly round: bigint;
  /** 32 bytes. */
  readonly ioRoot: Uint8Array;
  /** 32 bytes. */
  readonly stateRoot: Uint8Array;
}

/** The signed bytes of a receipt for both roots of a round: inputs and outputs first, then the state. */
export function receiptBody({ namespace, round, ioRoot, stateRoot }: ReceiptSubject): Uint8Array {
  return ReceiptBody.encode({
    version: RECEIPT_VERSION,
    namespace,
    round,
    rootTypes: Uint8Array.of(ROOT_TYPE_IO, ROOT_TYPE_STATE),
    roots: [ioRoot, stateRoot],
  });
}

/**
 * What the signature of a receipt is made of, 32 bytes.
 * @param chainContext lower-case hexadecimal hash of the genesis document
 */
export function receiptDigest(chainContext: string, subject: ReceiptSubject): Uint8Array {
  return prepareMessage(RECEIPT_CONTEXT, receiptBody(subject), { chainContext });
}

/**
 * A storage node's word that it keeps both roots of a round.
 * @param signer the node's identity key
 * @param chainContext lower-case hexadecimal hash of the genesis document
 */
export function signReceipt(signer: Signer, chainContext: string, subject: ReceiptSubject): KeyedSignature {
  return signKeyed(signer, RECEIPT_CONTEXT, receiptBody(subject), { chainContext });
}

/**
 * Whether the named key has signed a receipt for the subject. Says nothing about who may sign.
 * @param chainContext lower-case hexadecimal hash of the genesis document
 */
export function verifyReceipt(
  { publicKey, signature }: KeyedSignature,
  chainContext: string,
  subject: ReceiptSubject,
  policy?: AcceptancePolicy,
): boolean {
  return verify(publicKey, RECEIPT_CONTEXT, receiptBody(subject), signature, { chainContext, policy });
}
