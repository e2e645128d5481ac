import { describe, expect, it } from "vitest";
import { AssertionFailure } from "#common/assert.js";
import { fromHex, toHex } from "#common/bytes.js";
import { CounterNonce } from "#common/crypto/counter-nonce.js";

describe("counter nonces", () => {
  it("begin with their start and count in the last four bytes, wrapping around", () => {
    const nonce = new CounterNonce(fromHex("0102030405060708090a0bfffffffe"));
    const given = [nonce.next(), nonce.next(), nonce.next(), nonce.next()].map(toHex);
    expect(given).toEqual([
      "0102030405060708090a0bfffffffe",
      "0102030405060708090a0bffffffff",
      "0102030405060708090a0b00000000",
      "0102030405060708090a0b00000001",
    ]);
  });

  it("keep what they gave out and what they were given apart from their own counter", () => {
    const start = new Uint8Array(15);
    const nonce = new CounterNonce(start);
    nonce.next().fill(255);
    start.fill(255);
    expect(toHex(nonce.next())).toBe("000000000000000000000000000001");
  });

  it("want 15 bytes", () => {
    expect(() => new CounterNonce(new Uint8Array(16))).toThrow(AssertionFailure);
  });
});
