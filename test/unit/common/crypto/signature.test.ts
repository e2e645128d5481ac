import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AssertionFailure } from "#common/assert.js";
import { fromHex, toHex, utf8 } from "#common/bytes.js";
import { RESERVED_KEYS } from "#common/crypto/key-policy.js";
import {
  defineContext,
  MemorySigner,
  prepareAssembled,
  prepareMessage,
  TEST_KEYS_POLICY,
  verify,
  verifyBatch,
  verifyManyToOne,
} from "#common/crypto/signature.js";
import { InvalidInput } from "#common/errors/index.js";
import { hash } from "#common/hash.js";

const plain = defineContext("qanat/test: plain");
const chained = defineContext("qanat/test: chained", { chain: true });
const full = defineContext("qanat/test: full", { chain: true, suffix: " for runtime " });
const signer = MemorySigner.fromSeed(new Uint8Array(32).fill(7));
const message = utf8("message");

describe("signature contexts", () => {
  it("join base, suffix and chain in this order", () => {
    const assembled = "qanat/test: full for runtime 80 for chain abcd";
    expect(prepareMessage(full, message, { chainContext: "abcd", suffix: "80" })).toEqual(
      hash(utf8(assembled), message),
    );
    expect(prepareAssembled(utf8(assembled), message)).toEqual(hash(utf8(assembled), message));
    expect(prepareMessage(plain, message)).toEqual(hash(utf8("qanat/test: plain"), message));
  });

  it("follow the domain when it changes between calls", () => {
    const first = prepareMessage(chained, message, { chainContext: "aa" });
    const second = prepareMessage(chained, message, { chainContext: "bb" });
    expect(second).toEqual(hash(utf8("qanat/test: chained for chain bb"), message));
    expect(prepareMessage(chained, message, { chainContext: "aa" })).toEqual(first);
  });

  it("need the chain and the suffix they were declared with", () => {
    expect(() => prepareMessage(chained, message)).toThrow(InvalidInput);
    expect(() => prepareMessage(chained, message, { chainContext: "" })).toThrow(InvalidInput);
    expect(() => prepareMessage(chained, message, { chainContext: "a".repeat(65) })).toThrow(InvalidInput);
    expect(() => prepareMessage(full, message, { chainContext: "a" })).toThrow(InvalidInput);
    expect(() => prepareMessage(full, message, { chainContext: "a", suffix: "b".repeat(65) })).toThrow(InvalidInput);
    expect(() => prepareMessage(plain, message, { suffix: "b" })).toThrow(InvalidInput);
  });

  it("are refused when empty, too long or holding the chain separator", () => {
    expect(() => defineContext("")).toThrow(AssertionFailure);
    expect(() => defineContext("a for chain b")).toThrow(AssertionFailure);
    expect(() => defineContext("a".repeat(256))).toThrow(AssertionFailure);
    expect(() => defineContext("a".repeat(181), { chain: true })).toThrow(AssertionFailure);
    expect(defineContext("a".repeat(180), { chain: true }).base).toHaveLength(180);
    expect(defineContext("a".repeat(255)).base).toHaveLength(255);
    expect(() => prepareAssembled(new Uint8Array(0), message)).toThrow(InvalidInput);
    expect(() => prepareAssembled(new Uint8Array(256), message)).toThrow(InvalidInput);
  });
});

describe("verification", () => {
  const signature = signer.sign(plain, message);

  it("accepts a signature under its own context and message only", () => {
    expect(verify(signer.publicKey, plain, message, signature)).toBe(true);
    expect(verify(signer.publicKey, plain, utf8("massage"), signature)).toBe(false);
    expect(verify(signer.publicKey, chained, message, signature, { chainContext: "aa" })).toBe(false);
    expect(verify(MemorySigner.fromTestName("x").publicKey, plain, message, signature)).toBe(false);
  });

  it("refuses every signature with one flipped bit", () => {
    fc.assert(
      fc.property(fc.nat(511), (bit) => {
        const damaged = signature.slice();
        damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(verify(signer.publicKey, plain, message, damaged)).toBe(false);
      }),
      { numRuns: 60 },
    );
  });

  it("answers false for a chain-separated context without a chain", () => {
    const bound = signer.sign(chained, message, { chainContext: "aa" });
    expect(verify(signer.publicKey, chained, message, bound, { chainContext: "aa" })).toBe(true);
    expect(verify(signer.publicKey, chained, message, bound)).toBe(false);
  });

  it("answers false for keys and signatures of a wrong length", () => {
    expect(verify(signer.publicKey.slice(1), plain, message, signature)).toBe(false);
    expect(verify(signer.publicKey, plain, message, signature.slice(1))).toBe(false);
    expect(verify(signer.publicKey, plain, message, new Uint8Array(65))).toBe(false);
  });

  it("refuses test keys unless the policy allows them", () => {
    const entity = MemorySigner.fromTestName("ekiden test entity key seed");
    const its = entity.sign(plain, message);
    expect(verify(entity.publicKey, plain, message, its)).toBe(false);
    expect(verify(entity.publicKey, plain, message, its, { policy: TEST_KEYS_POLICY })).toBe(true);
    for (const key of Object.values(RESERVED_KEYS)) {
      expect(TEST_KEYS_POLICY.forbids(fromHex(key))).toBe(true);
    }
  });

  it("needs at least one of many signatures over one message, and all of them valid", () => {
    const other = MemorySigner.fromTestName("other");
    const both = [
      { publicKey: signer.publicKey, signature },
      { publicKey: other.publicKey, signature: other.sign(plain, message) },
    ];
    expect(verifyManyToOne(plain, message, [])).toBe(false);
    expect(verifyManyToOne(plain, message, both)).toBe(true);
    expect(verifyManyToOne(plain, message, [...both, ...both])).toBe(true);
    expect(verifyManyToOne(plain, message, [...both, { publicKey: other.publicKey, signature }])).toBe(false);
    expect(verifyManyToOne(chained, message, both)).toBe(false);
  });

  it("names the culprits of a batch", () => {
    const good = { publicKey: signer.publicKey, context: plain, message, signature };
    expect(verifyBatch([])).toEqual([]);
    expect(
      verifyBatch([
        good,
        { ...good, signature: new Uint8Array(63) },
        { ...good, publicKey: fromHex(RESERVED_KEYS.burn) },
        { ...good, context: chained },
        { ...good, message: utf8("other") },
        good,
      ]),
    ).toEqual([undefined, "malformed-signature", "forbidden-key", "bad-context", "verify-failed", undefined]);
  });
});

describe("a signer in memory", () => {
  it("wants a seed of 32 bytes and shows nothing of it", () => {
    expect(() => MemorySigner.fromSeed(new Uint8Array(31))).toThrow(InvalidInput);
    const seed = toHex(new Uint8Array(32).fill(7));
    expect(JSON.stringify(signer)).not.toContain(seed);
    expect(Object.keys(signer)).toEqual(["publicKey"]);
  });
});
