import { expect, test } from "vitest";
import {
  Address,
  addressFromPublicKey,
  addressFromText,
  addressToText,
  BURN_ADDRESS,
  COMMON_POOL,
  FEE_ACCUMULATOR,
  GOVERNANCE_DEPOSITS,
  isReserved,
  moduleAddress,
  runtimeAddress,
} from "#common/address.js";
import { concatBytes, fromHex, toHex } from "#common/bytes.js";
import { seedFromMnemonic } from "#common/crypto/mnemonic.js";
import { MemorySigner } from "#common/crypto/signature.js";
import { deriveKey, pathFromText } from "#common/crypto/slip10.js";
import { describeVectors } from "../support/vectors.ts";

type Case = { readonly address: string; readonly address_bytes: string } & (
  | { readonly kind: "reserved"; readonly name: string; readonly public_key: string }
  | { readonly kind: "public_key"; readonly public_key: string }
  | { readonly kind: "runtime"; readonly runtime_id: string }
  | { readonly kind: "module"; readonly module: string; readonly module_kind: string }
);

interface Wallet {
  readonly bip39_mnemonic: string;
  readonly bip39_passphrase: string;
  readonly bip39_seed: string;
  readonly oasis_accounts: readonly {
    readonly address: string;
    readonly bip32_path: string;
    readonly private_key: string;
    readonly public_key: string;
  }[];
}

const RESERVED: Readonly<Record<string, Uint8Array>> = {
  common_pool: COMMON_POOL,
  fee_accumulator: FEE_ACCUMULATOR,
  governance_deposits: GOVERNANCE_DEPOSITS,
  burn: BURN_ADDRESS,
};

function derived(entry: Case): Uint8Array {
  switch (entry.kind) {
    case "runtime":
      return runtimeAddress(fromHex(entry.runtime_id));
    case "module":
      return moduleAddress(entry.module, entry.module_kind);
    default:
      return addressFromPublicKey(fromHex(entry.public_key));
  }
}

describeVectors<{ cases: readonly Case[]; adr0008_account_vectors: readonly Wallet[] }>(
  "services/staking_addresses.json",
  ({ cases, adr0008_account_vectors }) => {
    test.each(cases)("the $kind address $address is derived, written and read", (entry) => {
      const address = derived(entry);
      expect(toHex(address)).toBe(entry.address_bytes);
      expect(addressToText(address)).toBe(entry.address);
      expect(addressFromText(entry.address)).toEqual(address);
      expect(toHex(Address.encode(address))).toBe(`55${entry.address_bytes}`);
      expect(isReserved(address)).toBe(entry.kind === "reserved");
      if (entry.kind === "reserved") expect(RESERVED[entry.name]).toEqual(address);
    });

    test.each(adr0008_account_vectors)("the words $bip39_mnemonic give their accounts", (wallet) => {
      const seed = seedFromMnemonic(wallet.bip39_mnemonic, wallet.bip39_passphrase);
      expect(toHex(seed)).toBe(wallet.bip39_seed);
      expect(wallet.oasis_accounts.length).toBeGreaterThan(0);
      for (const { address, bip32_path, private_key, public_key } of wallet.oasis_accounts) {
        const key = deriveKey(seed, pathFromText(bip32_path));
        const signer = MemorySigner.fromSeed(key.seed);
        expect(toHex(concatBytes(key.seed, signer.publicKey))).toBe(private_key);
        expect(toHex(signer.publicKey)).toBe(public_key);
        expect(addressToText(addressFromPublicKey(signer.publicKey))).toBe(address);
      }
    });
  },
);
