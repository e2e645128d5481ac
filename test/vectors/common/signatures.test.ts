import { ed25519 } from "@noble/curves/ed25519.js";
import { expect, it } from "vitest";
import { fromHex, toHex, utf8 } from "#common/bytes.js";
import { isReducedScalar, isSmallOrder, verifyRaw, verifyRawAll } from "#common/crypto/ed25519.js";
import { ed25519Accepts as nobleAccepts, ed25519AcceptsAll as nobleAcceptsAll } from "#common/crypto/kernels-noble.js";
import type { Ed25519Claim } from "#common/crypto/kernels.js";
import { TEST_KEYS } from "#common/crypto/key-policy.js";
import { MemorySigner, prepareAssembled, STRICT_POLICY, TEST_KEYS_POLICY } from "#common/crypto/signature.js";
import { hash } from "#common/hash.js";
import { ed25519Accepts as opensslAccepts } from "#platform/kernels-openssl.js";
import { describeVectors } from "../support/vectors.ts";

interface Case {
  case?: number;
  note?: string;
  context_utf8?: string;
  message: string;
  public_key: string;
  signature: string;
  valid: boolean;
}

/** The protocol's rule with only one of the two kernels in front of the exact path. */
function decide(accepts: typeof opensslAccepts, key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (key.length !== 32 || signature.length !== 64) return false;
  if (isSmallOrder(key) || isSmallOrder(signature.slice(0, 32)) || !isReducedScalar(signature.slice(32))) return false;
  return accepts(key, message, signature) || ed25519.verify(signature, message, key, { zip215: true });
}

/** Two plainly valid signatures to put beside another one in a batch. */
function companions(): [Ed25519Claim, Ed25519Claim] {
  return ["left", "right"].map((name) => {
    const [seed, message] = [hash(utf8(name)), utf8(`message of ${name}`)];
    return { publicKey: ed25519.getPublicKey(seed), message, signature: ed25519.sign(message, seed) };
  }) as ReturnType<typeof companions>;
}

describeVectors<{ vectors: Case[] }>("common/ed25519_speccheck.json", ({ vectors }) => {
  it.each(vectors)("case $case ($note) is valid: $valid", (entry) => {
    const [key, message, signature] = [fromHex(entry.public_key), fromHex(entry.message), fromHex(entry.signature)];
    expect(verifyRaw(key, message, signature)).toBe(entry.valid);
    expect(decide(opensslAccepts, key, message, signature)).toBe(entry.valid);
    expect(decide(nobleAccepts, key, message, signature)).toBe(entry.valid);
    const [first, second] = companions();
    expect(verifyRawAll([first, { publicKey: key, message, signature }, second])).toBe(entry.valid);
    const alone: typeof opensslAccepts = (publicKey, m, s) =>
      nobleAcceptsAll([{ publicKey, message: m, signature: s }]);
    const among: typeof opensslAccepts = (publicKey, m, s) =>
      nobleAcceptsAll([first, { publicKey, message: m, signature: s }, second]);
    expect(decide(alone, key, message, signature)).toBe(entry.valid);
    expect(decide(among, key, message, signature)).toBe(entry.valid);
  });
});

describeVectors<{ vectors: Case[] }>("common/ed25519_context.json", ({ vectors }) => {
  it.each(vectors)("case $case ($note) is valid: $valid", (entry) => {
    const key = fromHex(entry.public_key);
    const message = prepareAssembled(utf8(entry.context_utf8 as string), fromHex(entry.message));
    const signature = fromHex(entry.signature);
    expect(!STRICT_POLICY.forbids(key) && verifyRaw(key, message, signature)).toBe(entry.valid);
    const exact = verifyRaw(key, message, signature);
    expect(decide(opensslAccepts, key, message, signature)).toBe(exact);
    expect(decide(nobleAccepts, key, message, signature)).toBe(exact);
  });
});

describeVectors<{ vectors: { scalar: string; minimal: boolean }[] }>(
  "common/ed25519_scalar_minimal.json",
  ({ vectors }) => {
    it.each(vectors)("scalar $scalar is reduced: $minimal", ({ scalar, minimal }) => {
      expect(isReducedScalar(fromHex(scalar))).toBe(minimal);
    });
  },
);

interface MainnetSignature {
  kind?: string;
  method?: string;
  context_utf8: string;
  prehash: string;
  message?: string;
  public_key: string;
  signature: string;
  inner?: MainnetSignature[];
}

describeVectors<{ vectors: MainnetSignature[] }>("common/mainnet_signatures.json", ({ vectors }) => {
  const flat = vectors.flatMap((entry) => [entry, ...(entry.inner ?? [])]);
  it.each(flat.map((entry, i) => ({ ...entry, i })))("signature $i of Mainnet ($method $kind) verifies", (entry) => {
    // The four further signatures of a node descriptor refer to the message of the first in words.
    if (entry.message !== undefined && /^[0-9a-f]+$/.test(entry.message)) {
      const prepared = prepareAssembled(utf8(entry.context_utf8), fromHex(entry.message));
      expect(toHex(prepared)).toBe(entry.prehash);
    }
    const [key, prehash, signature] = [fromHex(entry.public_key), fromHex(entry.prehash), fromHex(entry.signature)];
    expect(verifyRaw(key, prehash, signature)).toBe(true);
    expect(nobleAccepts(key, prehash, signature)).toBe(true);
  });
});

interface TestSigners {
  vectors: { name: string; seed: string; public_key: string }[];
  extra_test_key: { public_key: string };
}

describeVectors<TestSigners>("common/test_signers.json", (data) => {
  it.each(data.vectors)("the test signer '$name' has the reference's key", ({ name, seed, public_key }) => {
    expect(toHex(hash(utf8(name)))).toBe(seed);
    expect(toHex(MemorySigner.fromTestName(name).publicKey)).toBe(public_key);
  });

  it("the keys that the reference node carries are forbidden unless test keys are allowed", () => {
    const names = ["ekiden ", "oasis-core epochtime", "__e2e-test-migration"];
    const carried = data.vectors.filter(({ name }) => names.some((start) => name.startsWith(start)));
    const keys = [...carried.map(({ public_key }) => public_key), data.extra_test_key.public_key];
    expect([...TEST_KEYS].sort()).toEqual(keys.sort());
    for (const key of keys.map(fromHex)) {
      expect(STRICT_POLICY.forbids(key)).toBe(true);
      expect(TEST_KEYS_POLICY.forbids(key)).toBe(false);
    }
  });
});
