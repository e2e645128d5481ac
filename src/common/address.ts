/** Addresses of staking accounts (common: addresses and identifiers). */
import { concatBytes, equalBytes, fromHex, utf8 } from "./bytes.js";
import { decodeBech32, encodeBech32 } from "./crypto/bech32.js";
import { RESERVED_KEYS } from "./crypto/key-policy.js";
import { DecodeError } from "./errors/index.js";
import { hash } from "./hash.js";
import { fixedBytes, type Schema } from "./schema/index.js";

/** A version byte and 20 bytes of a hash. */
export const ADDRESS_SIZE = 21;
const PREFIX = "oasis";
// Part of every derivation: the hash covers the version byte as well.
const VERSION = Uint8Array.of(0);

function derive(context: string, data: Uint8Array): Uint8Array {
  return concatBytes(VERSION, hash(utf8(context), VERSION, data).subarray(0, ADDRESS_SIZE - 1));
}

/** The text of an address, e.g. "oasis1qrmufhkkyyf79s5za2r8yga9gnk4t446dcy3a5zm". */
export function addressToText(address: Uint8Array): string {
  return encodeBech32(PREFIX, address);
}

/**
 * Reads the text of an address. Any version byte is accepted, as in the reference.
 *
 * @throws DecodeError when the text is no bech32, has another prefix or another size
 */
export function addressFromText(text: string): Uint8Array {
  const { prefix, bytes } = decodeBech32(text);
  if (prefix !== PREFIX) {
    throw new DecodeError(`address with the prefix "${prefix}", must be "${PREFIX}"`);
  }
  if (bytes.length !== ADDRESS_SIZE) {
    throw new DecodeError(`address of ${bytes.length} bytes, must have ${ADDRESS_SIZE}`);
  }
  return bytes;
}

/** 21 bytes, bech32 text in JSON. The zero address is an ordinary one. */
export type Address = Uint8Array;
export const Address: Schema<Uint8Array> = fixedBytes("Address", ADDRESS_SIZE, {
  json: { toText: addressToText, fromText: addressFromText },
});

/** The address of an Ed25519 public key (32 bytes). */
export function addressFromPublicKey(publicKey: Uint8Array): Uint8Array {
  return derive("oasis-core/address: staking", publicKey);
}

/** The address of a runtime, from its identifier (32 bytes). */
export function runtimeAddress(namespace: Uint8Array): Uint8Array {
  return derive("oasis-core/address: runtime", namespace);
}

/** The address of an account that a service keeps for itself, e.g. module "vault". */
export function moduleAddress(module: string, kind: string): Uint8Array {
  return derive("oasis-core/address: module", utf8(`${module}.${kind}`));
}

/** Holds the tokens of the common pool. */
export const COMMON_POOL: Uint8Array = addressFromPublicKey(fromHex(RESERVED_KEYS.commonPool));
/** Holds the fees of the current block. */
export const FEE_ACCUMULATOR: Uint8Array = addressFromPublicKey(fromHex(RESERVED_KEYS.feeAccumulator));
/** Holds the deposits of open governance proposals. */
export const GOVERNANCE_DEPOSITS: Uint8Array = addressFromPublicKey(fromHex(RESERVED_KEYS.governanceDeposits));
/** Tokens sent here are gone. */
export const BURN_ADDRESS: Uint8Array = addressFromPublicKey(fromHex(RESERVED_KEYS.burn));

const RESERVED: readonly Uint8Array[] = [COMMON_POOL, FEE_ACCUMULATOR, GOVERNANCE_DEPOSITS, BURN_ADDRESS];

/** Whether nobody may hold a key for this address; "valid" in the protocol's texts means not reserved. */
export function isReserved(address: Uint8Array): boolean {
  return RESERVED.some((reserved) => equalBytes(reserved, address));
}
