import { expect, it } from "vitest";
import { addressFromPublicKey } from "#common/address.js";
import { toHex } from "#common/bytes.js";
import { InvalidInput } from "#common/errors/index.js";
import { accountFromSeed, accountsFromMnemonic } from "#sdk/wallet.js";

const words = `${"abandon ".repeat(11)}about`;

it("words give the accounts that other wallets make of them", () => {
  const accounts = accountsFromMnemonic(words, 2);
  expect(accounts.map(({ signer }) => toHex(signer.publicKey))).toEqual([
    "ad55bbb7c192b8ecfeb6ad18bbd7681c0923f472d5b0c212fbde33008005ad61",
    "73fd7c51a0f059ea34d8dca305e0fdb21134ca32216ca1681ae1d12b3d350e16",
  ]);
  for (const { signer, address } of accounts) expect(address).toEqual(addressFromPublicKey(signer.publicKey));
  expect(accountsFromMnemonic(words, 1, "other")[0]?.address).not.toEqual(accounts[0]?.address);
});

it("words and seeds that are none are refused without being repeated", () => {
  expect(() => accountsFromMnemonic(`${words} about`, 1)).toThrow(InvalidInput);
  expect(() => accountsFromMnemonic("secret", 1)).toThrow(/^(?!.*secret)/);
  expect(() => accountFromSeed(new Uint8Array(31))).toThrow(InvalidInput);
});
