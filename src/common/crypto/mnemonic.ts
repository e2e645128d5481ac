/** The words of a wallet (BIP-39, English list), from which its accounts are derived (common: account keys). */
import { mnemonicToSeedSync, validateMnemonic } from "@scure/bip39";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { InvalidInput } from "../errors/index.js";

/**
 * The seed that a mnemonic stands for; `accountSeed` derives accounts from it. Slow on purpose: 2,048 rounds of a hash.
 *
 * @param mnemonic 12 to 24 words with a right checksum
 * @param passphrase any text; another one gives other accounts, never an error
 * @returns 64 bytes
 * @throws InvalidInput when a word is not in the list or the checksum is wrong; the text does not repeat the words
 */
export function seedFromMnemonic(mnemonic: string, passphrase = ""): Uint8Array {
  if (!validateMnemonic(mnemonic, wordlist)) {
    throw new InvalidInput("mnemonic", "must be 12 to 24 words of the English list with a right checksum");
  }
  return mnemonicToSeedSync(mnemonic, passphrase);
}
