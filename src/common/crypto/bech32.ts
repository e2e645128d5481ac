/** Bech32 text as of BIP-173 (not bech32m), the text form of addresses (common: addresses and identifiers). */
import { bech32 } from "@scure/base";
import { DecodeError, reasonOf } from "../errors/index.js";

/** The longest text that BIP-173 allows. */
const TEXT_MAX = 90;

/**
 * @param prefix human-readable part, lower case
 * @param bytes at most about 50 bytes, since the whole text is limited to 90 characters
 */
export function encodeBech32(prefix: string, bytes: Uint8Array): string {
  return bech32.encode(prefix, bech32.toWords(bytes), TEXT_MAX);
}

/**
 * @param text all lower or all upper case, at most 90 characters
 * @throws DecodeError when the text is no bech32 or its data part holds no whole bytes
 */
export function decodeBech32(text: string): { prefix: string; bytes: Uint8Array } {
  try {
    // The library's type wants to see the separator; its own check finds a missing one.
    const { prefix, words } = bech32.decode(text as `${string}1${string}`, TEXT_MAX);
    return { prefix, bytes: bech32.fromWords(words) };
  } catch (error) {
    throw new DecodeError(`not valid bech32 text: ${reasonOf(error)}`);
  }
}
