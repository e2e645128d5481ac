import { concatBytes, equalBytes, readU64be, toHex, u64be } from "#common/bytes.js";
import { defineContext, type Domain, signed, SignatureInvalid, type Signer } from "#common/crypto/signature.js";
import { DecodeError } from "#common/errors/index.js";
import { bytes, raw, struct, text, u64, unionOf } from "#common/schema/index.js";
import { type KeyValueReader, MAX_KEY_BYTES } from "#mkvs/key-value.js";
import { refuse } from "./refusal.js";
import type { StateStore } from "./state.js";

/** Prefix of the keys under which the next nonce of each sender is kept. */
const NONCE_PREFIX = 0xff;

/**
 * The call format of the reference's key-value test runtime, which takes the sender's word for who it is. A runtime that
 * is meant for anything but tests brings a `decodeCall` of its own that checks a signature.
 */
export class Call extends struct("Call", {
  sender: bytes({ max: MAX_KEY_BYTES - 1 }),
  nonce: u64,
  method: text({ max: 1024 }),
  /** Encoded arguments of the method. */
  args: raw,
}) {}

/** Where a transaction is meant for: a signature for one runtime of one chain must not count for another. */
export interface CallTarget {
  /** 32 bytes. */
  readonly runtimeId: Uint8Array;
  /** Hexadecimal chain context of the consensus layer. */
  readonly chainContext: string;
}

const CALL_CONTEXT = defineContext("qanat/runtime: call", { chain: true, suffix: " for runtime " });

/** A call that its sender has signed; the sender is the public key. */
export class SignedCall extends signed("SignedCall", Call, CALL_CONTEXT) {}

function domainOf({ runtimeId, chainContext }: CallTarget): Domain {
  return { suffix: toHex(runtimeId), chainContext };
}

/** Signs a call. @returns the transaction */
export function signCall(signer: Signer, call: Omit<Call, "sender">, target: CallTarget): Uint8Array {
  return SignedCall.encode(SignedCall.sign(signer, { ...call, sender: signer.publicKey }, domainOf(target)));
}

/**
 * Opens a transaction made by `signCall`: the `decodeCall` of runtimes whose senders are public keys.
 *
 * @throws DecodeError when it is malformed, or not signed by its sender for this runtime and chain
 */
export function openSignedCall(transaction: Uint8Array, target: CallTarget): Call {
  const envelope = SignedCall.decode(transaction, "runtime");
  try {
    const call = SignedCall.open(envelope, domainOf(target));
    if (!equalBytes(call.sender, envelope.signature.publicKey)) throw new DecodeError("signed by somebody else");
    return call;
  } catch (error) {
    if (error instanceof SignatureInvalid) throw new DecodeError(error.message);
    throw error;
  }
}

/** What a transaction answers. */
export const CallOutput = unionOf("CallOutput", { Success: raw, Error: text({ max: 1 << 20 }) });

/** Where the next nonce of a sender is kept. */
export function nonceKey(sender: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(NONCE_PREFIX), sender);
}

/** The nonce that the next call of a sender must have. @param state of the runtime, as it is or as it was read */
export function nextNonce(state: Pick<KeyValueReader, "get">, sender: Uint8Array): bigint {
  const stored = state.get(nonceKey(sender));
  return stored === undefined ? 0n : readU64be(stored);
}

/**
 * Refuses a nonce that can no longer be used. Later ones pass: the calls before them may still be on their way.
 *
 * @throws Refusal when the nonce was used before
 */
export function checkNonce(state: StateStore, call: Call): void {
  if (call.nonce < nextNonce(state, call.sender)) refuse(`Invalid nonce: ${call.nonce}`);
}

/**
 * Uses up a nonce.
 *
 * @throws Refusal when it is not the sender's next one
 */
export function useNonce(state: StateStore, call: Call): void {
  if (call.nonce !== nextNonce(state, call.sender)) refuse(`Invalid nonce: ${call.nonce}`);
  // The nonce advances even if the call fails later: else a failing call could be repeated for ever.
  state.insert(nonceKey(call.sender), u64be(BigInt.asUintN(64, call.nonce + 1n)));
}
