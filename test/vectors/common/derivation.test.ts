import { expect, it } from "vitest";
import { fromHex, toHex, utf8 } from "#common/bytes.js";
import { HmacDrbg, MathRand } from "#common/crypto/drbg.js";
import { seedFromMnemonic } from "#common/crypto/mnemonic.js";
import { MemorySigner } from "#common/crypto/signature.js";
import {
  accountPath,
  accountSeed,
  childKey,
  deriveKey,
  HARDENED,
  masterKey,
  pathFromText,
  pathToText,
} from "#common/crypto/slip10.js";
import { tupleHash128, tupleHash256 } from "#common/crypto/tuple-hash.js";
import { InvalidInput } from "#common/errors/index.js";
import { describeVectors } from "../support/vectors.ts";

interface Tuple {
  strength: number;
  tuple: string[];
  customization_utf8: string;
  output_len: number;
  digest: string;
}

for (const file of ["common/tuplehash.json", "common/tuplehash_oasis.json"]) {
  describeVectors<{ vectors: Tuple[] }>(file, ({ vectors }) => {
    it("gives every digest", () => {
      expect(vectors.length).toBeGreaterThan(0);
      for (const { strength, tuple, customization_utf8, output_len, digest } of vectors) {
        const tupleHash = strength === 128 ? tupleHash128 : tupleHash256;
        expect(toHex(tupleHash(customization_utf8, tuple.map(fromHex), output_len))).toBe(digest);
      }
    });
  });
}

interface Drbg {
  entropy: string;
  nonce: string;
  outputs: string[];
}

describeVectors<{ vectors: Drbg[] }>("common/hmac_drbg.json", ({ vectors }) => {
  it("gives the outputs of NIST's vector", () => {
    for (const { entropy, nonce, outputs } of vectors) {
      const drbg = new HmacDrbg(fromHex(entropy), fromHex(nonce));
      for (const output of outputs) {
        expect(drbg.read(0)).toHaveLength(0);
        expect(toHex(drbg.read(output.length / 2))).toBe(output);
      }
    }
    expect(() => new HmacDrbg(new Uint8Array(31))).toThrow(InvalidInput);
  });

  it("splits long reads as the reference does", () => {
    const entropy = new Uint8Array(32);
    const long = new HmacDrbg(entropy).read(65_536 + 10);
    const parts = new HmacDrbg(entropy);
    expect(toHex(parts.read(65_536))).toBe(toHex(long.slice(0, 65_536)));
    expect(parts.read(10)).toEqual(long.slice(65_536));
  });
});

function shuffled(rand: MathRand, n: number): number[] {
  const out = Array.from({ length: n }, (_, i) => i);
  rand.shuffle(n, (i, j) => {
    [out[i], out[j]] = [out[j] as number, out[i] as number];
  });
  return out;
}

interface Rand {
  label: string;
  entropy: string;
  nonce: string;
  personalization_utf8: string;
  n: number;
  perm: number[];
  shuffle_of_0_to_n_minus_1: number[];
}

describeVectors<{ vectors: Rand[] }>("common/mathrand.json", ({ vectors }) => {
  it.each(vectors)("orders $n things: $label", (row) => {
    const fresh = () =>
      new MathRand(new HmacDrbg(fromHex(row.entropy), fromHex(row.nonce), utf8(row.personalization_utf8)));
    expect(fresh().perm(row.n)).toEqual(row.perm);
    expect(shuffled(fresh(), row.n)).toEqual(row.shuffle_of_0_to_n_minus_1);
  });
});

interface Shuffle {
  entropy: string;
  nonce: string;
  context: string;
  n: number;
  perm?: number[];
  shuffle?: number[];
}

describeVectors<{ vectors: Shuffle[] }>("consensus/drbg_shuffle.json", ({ vectors }) => {
  it("gives every order of the scheduler", () => {
    for (const row of vectors) {
      const rand = new MathRand(new HmacDrbg(fromHex(row.entropy), fromHex(row.nonce), utf8(row.context)));
      if (row.perm !== undefined) expect(rand.perm(row.n)).toEqual(row.perm);
      else expect(shuffled(rand, row.n)).toEqual(row.shuffle);
    }
  });
});

interface SlipKey {
  index: number;
  chain_code: string;
  private_key: string;
  public_key: string;
}

describeVectors<{ vectors: { seed: string; master: SlipKey; children: SlipKey[] }[] }>(
  "common/slip10.json",
  ({ vectors }) => {
    it.each(vectors)("derives the chain of seed $seed", ({ seed, master, children }) => {
      let key = masterKey(fromHex(seed));
      for (const [i, expected] of [master, ...children].entries()) {
        if (i > 0) key = childKey(key, expected.index + HARDENED);
        expect(toHex(key.chainCode)).toBe(expected.chain_code);
        expect(toHex(key.seed)).toBe(expected.private_key);
        expect(toHex(MemorySigner.fromSeed(key.seed).publicKey)).toBe(expected.public_key);
      }
      const path = children.map(({ index }) => index + HARDENED);
      expect(deriveKey(fromHex(seed), path)).toEqual(key);
      expect(() => childKey(key, 0)).toThrow(InvalidInput);
    });
  },
);

interface Sakg {
  accounts: {
    mnemonic: string;
    passphrase: string;
    number: number;
    public_key?: string;
    path: string;
    error?: string;
  }[];
  paths: { text: string; path?: number[]; error?: string }[];
}

describeVectors<Sakg>("common/sakg.json", (data) => {
  it("derives the accounts of ADR 8 from their mnemonics", () => {
    for (const { mnemonic, passphrase, number, public_key, path } of data.accounts) {
      const seed = (): Uint8Array => accountSeed(seedFromMnemonic(mnemonic, passphrase), number);
      if (public_key === undefined) {
        expect(seed).toThrow(InvalidInput);
        continue;
      }
      expect(toHex(MemorySigner.fromSeed(seed()).publicKey)).toBe(public_key);
      expect(pathToText(accountPath(number))).toBe(path);
    }
  });

  it("refuses a mnemonic with a wrong word, checksum or length, without repeating it", () => {
    const words = (data.accounts[0] as { mnemonic: string }).mnemonic.split(" ");
    const bad = [[...words.slice(0, 11), "abandon"], [...words.slice(0, 11), "oasis"], words.slice(0, 11), []];
    for (const mnemonic of bad) {
      expect(() => seedFromMnemonic(mnemonic.join(" "))).toThrow(InvalidInput);
      expect(() => seedFromMnemonic(mnemonic.join(" "))).not.toThrow("abandon");
    }
  });

  it.each(data.paths)("path $text: $error", ({ text, path }) => {
    if (path === undefined) {
      expect(() => pathFromText(text)).toThrow(InvalidInput);
      return;
    }
    expect(pathFromText(text)).toEqual(path);
    expect(pathToText(path)).toBe(text);
  });
});
