import { addressFromPublicKey } from "#common/address.js";
import { seedFromMnemonic } from "#common/crypto/mnemonic.js";
import { MemorySigner, type Signer } from "#common/crypto/signature.js";
import { accountSeed } from "#common/crypto/slip10.js";

/** Somebody's account: who signs for it, and where it is. */
export interface WalletAccount {
  readonly signer: Signer;
  /** 21 bytes. */
  readonly address: Uint8Array;
}

/** The account of a key seed of 32 bytes. @throws InvalidInput for another length */
export function accountFromSeed(seed: Uint8Array): WalletAccount {
  const signer = MemorySigner.fromSeed(seed);
  return { signer, address: addressFromPublicKey(signer.publicKey) };
}

/**
 * Accounts of a wallet as its words give them (common: account keys).
 *
 * @param count how many, from number 0 on
 * @throws InvalidInput for words that are none
 */
export function accountsFromMnemonic(mnemonic: string, count: number, passphrase = ""): WalletAccount[] {
  const seed = seedFromMnemonic(mnemonic, passphrase);
  return Array.from({ length: count }, (_, number) => accountFromSeed(accountSeed(seed, number)));
}
