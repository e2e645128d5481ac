import { expect, it } from "vitest";
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
import { fromHex, fromUtf8, toHex, utf8 } from "#common/bytes.js";
import { decodeBech32, encodeBech32 } from "#common/crypto/bech32.js";
import { hashToPublicKey } from "#common/crypto/hash-to-curve.js";
import { DecodeError } from "#common/errors/index.js";
import { hash } from "#common/hash.js";
import { Namespace, testNamespaceFromSeed } from "#common/namespace.js";
import { describeVectors } from "../support/vectors.ts";

interface Addresses {
  reserved: { name: string; public_key: string; bech32: string; binary: string }[];
  burn_h2c: { dst_utf8: string; msg_utf8: string; point: string };
  staking: { public_key: string; bech32: string }[];
  runtime: { runtime_id: string; namespace_seed_utf8: string; bech32: string }[];
  module: { module: string; kind: string; bech32: string }[];
  zero: { cbor_input: string; binary: string; bech32: string };
}

describeVectors<Addresses>("common/addresses.json", (data) => {
  const constants = { CommonPoolAddress: COMMON_POOL, FeeAccumulatorAddress: FEE_ACCUMULATOR };
  const more = { GovernanceDepositsAddress: GOVERNANCE_DEPOSITS, BurnAddress: BURN_ADDRESS };
  const named: Record<string, Uint8Array> = { ...constants, ...more };

  it.each(data.reserved)("$name is reserved", ({ name, public_key, bech32, binary }) => {
    const address = named[name] as Uint8Array;
    expect(toHex(address)).toBe(binary);
    expect(addressFromPublicKey(fromHex(public_key))).toEqual(address);
    expect(addressToText(address)).toBe(bech32);
    expect(Address.toJson(address)).toBe(bech32);
    expect(isReserved(Address.fromJson(bech32))).toBe(true);
  });

  it("the key of the burn address comes from hashing a text to the curve", () => {
    const { dst_utf8, msg_utf8, point } = data.burn_h2c;
    expect(toHex(hashToPublicKey(utf8(dst_utf8), utf8(msg_utf8)))).toBe(point);
  });

  it("derives staking, runtime and module addresses", () => {
    for (const { public_key, bech32 } of data.staking) {
      expect(addressToText(addressFromPublicKey(fromHex(public_key)))).toBe(bech32);
    }
    for (const { runtime_id, namespace_seed_utf8, bech32 } of data.runtime) {
      expect(toHex(testNamespaceFromSeed(utf8(namespace_seed_utf8)))).toBe(runtime_id);
      expect(addressToText(runtimeAddress(fromHex(runtime_id)))).toBe(bech32);
    }
    for (const { module, kind, bech32 } of data.module) {
      expect(addressToText(moduleAddress(module, kind))).toBe(bech32);
    }
  });

  it("reads null as the zero address, which is not reserved", () => {
    const zero = Address.decode(fromHex(data.zero.cbor_input));
    expect(toHex(zero)).toBe(data.zero.binary);
    expect(addressToText(zero)).toBe(data.zero.bech32);
    expect(isReserved(zero)).toBe(false);
  });

  it("refuses another prefix, another size and bech32m", () => {
    expect(() => addressFromText(encodeBech32("other", COMMON_POOL))).toThrow(DecodeError);
    expect(() => addressFromText(encodeBech32("oasis", COMMON_POOL.slice(1)))).toThrow(DecodeError);
    expect(() => addressFromText("oasis1")).toThrow(DecodeError);
    expect(() => Address.decode(fromHex("420000"))).toThrow(DecodeError);
  });
});

interface Bech32Case {
  string_hex: string;
  string?: string;
  valid: boolean;
}

describeVectors<{ vectors: Bech32Case[] }>("common/bech32.json", ({ vectors }) => {
  it.each(vectors)("$string_hex is valid: $valid", ({ string_hex, valid }) => {
    // Some invalid cases are no UTF-8; every one of their characters is one byte.
    const text = String.fromCharCode(...fromHex(string_hex));
    if (!valid) {
      expect(() => decodeBech32(text)).toThrow(DecodeError);
      return;
    }
    const { prefix, bytes } = decodeBech32(text);
    expect(encodeBech32(prefix, bytes)).toBe(text.toLowerCase());
  });
});

interface Namespaces {
  test_from_seed: { seed_utf8: string; namespace: string }[];
  valid: string[];
  invalid: string[];
}

describeVectors<Namespaces>("common/namespace.json", (data) => {
  it("derives test namespaces", () => {
    for (const { seed_utf8, namespace } of data.test_from_seed) {
      expect(toHex(testNamespaceFromSeed(utf8(seed_utf8)))).toBe(namespace);
    }
  });

  it("accepts the two known flags and refuses all others", () => {
    for (const text of data.valid) {
      expect(toHex(Namespace.fromJson(text))).toBe(text);
      expect(toHex(Namespace.decode(fromHex(`5820${text}`)))).toBe(text);
    }
    for (const text of data.invalid) {
      expect(() => Namespace.fromJson(text)).toThrow(DecodeError);
      expect(() => Namespace.decode(fromHex(`5820${text}`))).toThrow(DecodeError);
    }
    expect(() => Namespace.decode(fromHex("581f" + "00".repeat(31)))).toThrow(DecodeError);
  });
});

interface Hashes {
  empty_hash: string;
  vectors: { input_utf8: string; digest: string }[];
}

describeVectors<Hashes>("common/hash.json", (data) => {
  it("hashes the known inputs, in one part or several", () => {
    expect(toHex(hash())).toBe(data.empty_hash);
    for (const { input_utf8, digest } of data.vectors) {
      const input = utf8(input_utf8);
      expect(toHex(hash(input))).toBe(digest);
      expect(toHex(hash(input.slice(0, 5), input.slice(5)))).toBe(digest);
      expect(fromUtf8(input)).toBe(input_utf8);
    }
  });
});
