import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as noble from "#common/crypto/kernels-noble.js";
import * as openssl from "#platform/kernels-openssl.js";
import { opensslAccepts, opensslKey } from "#platform/openssl-keys.js";
import { hasSodium, sodiumAccepts, sodiumKey } from "#platform/sodium.js";

const seed32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const message = fc.uint8Array({ maxLength: 300 });

describe("kernels on OpenSSL and on noble", () => {
  it("are the same functions, so that none is without its counterpart", () => {
    expect(Object.keys(openssl).sort()).toEqual(Object.keys(noble).sort());
  });

  it.each(["sha512_256", "sha512", "sha256", "sha3_256"] as const)("give the same %s", (name) => {
    fc.assert(
      fc.property(message, (data) => {
        expect(openssl[name](data)).toEqual(noble[name](data));
      }),
    );
    const long = new Uint8Array(100_000).map((_, i) => i);
    expect(openssl[name](long)).toEqual(noble[name](long));
  });

  it.each(["hmacSha512", "hmacSha512_256", "hmacSha256"] as const)("give the same %s", (name) => {
    fc.assert(
      fc.property(message, message, (key, data) => {
        expect(openssl[name](key, data)).toEqual(noble[name](key, data));
      }),
    );
  });

  it("give the same Ed25519 keys and signatures, and accept each other's", () => {
    fc.assert(
      fc.property(seed32, message, (seed, data) => {
        const a = openssl.ed25519Key(seed);
        const b = noble.ed25519Key(seed);
        expect(a.publicKey).toEqual(b.publicKey);
        const signature = a.sign(data);
        expect(signature).toEqual(b.sign(data));
        expect(openssl.ed25519Accepts(a.publicKey, data, signature)).toBe(true);
        expect(noble.ed25519Accepts(a.publicKey, data, signature)).toBe(true);
        signature[40] = (signature[40] as number) ^ 1;
        expect(openssl.ed25519Accepts(a.publicKey, data, signature)).toBe(false);
        expect(noble.ed25519Accepts(a.publicKey, data, signature)).toBe(false);
      }),
      { numRuns: 20 },
    );
  });

  it("give the same X25519 keys and secrets, zeros for a small-order peer", () => {
    fc.assert(
      fc.property(seed32, seed32, (a, b) => {
        const peer = openssl.x25519PublicKey(b);
        expect(peer).toEqual(noble.x25519PublicKey(b));
        expect(openssl.x25519(a, peer)).toEqual(noble.x25519(a, peer));
        for (const kernel of [openssl, noble]) {
          expect(kernel.x25519(a, new Uint8Array(32))).toEqual(new Uint8Array(32));
        }
      }),
      { numRuns: 10 },
    );
  });

  it("never accept what the other's stricter or laxer equation makes wrong: damaged keys, messages, signatures", () => {
    fc.assert(
      fc.property(seed32, message, fc.nat(95), fc.nat(7), (seed, data, byte, bit) => {
        const key = openssl.ed25519Key(seed);
        const signature = key.sign(data);
        const publicKey = key.publicKey.slice();
        const damaged = byte < 32 ? publicKey : signature;
        const at = byte < 32 ? byte : byte - 32;
        damaged[at] = (damaged[at] as number) ^ (1 << bit);
        expect(openssl.ed25519Accepts(publicKey, data, signature)).toBe(false);
        expect(noble.ed25519Accepts(publicKey, data, signature)).toBe(false);
      }),
      { numRuns: 50 },
    );
  });
});

describe.skipIf(!hasSodium)("libsodium beside OpenSSL", () => {
  it("has the same keys and signatures", () => {
    fc.assert(
      fc.property(seed32, message, (seed, data) => {
        const a = opensslKey(seed);
        const b = sodiumKey(seed);
        expect(b?.publicKey).toEqual(a.publicKey);
        const signature = a.sign(data);
        expect(b?.sign(data)).toEqual(signature);
        expect(opensslAccepts(a.publicKey, data, signature)).toBe(true);
        expect(sodiumAccepts(a.publicKey, data, signature)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it("reads keys, messages and signatures that are parts of larger buffers", () => {
    const key = opensslKey(new Uint8Array(32).fill(3));
    const whole = new Uint8Array(300);
    whole.set(key.publicKey, 7);
    whole.fill(9, 50, 150);
    whole.set(key.sign(whole.subarray(50, 150)), 201);
    expect(sodiumAccepts(whole.subarray(7, 39), whole.subarray(50, 150), whole.subarray(201, 265))).toBe(true);
    expect(sodiumAccepts(whole.subarray(7, 39), whole.subarray(50, 149), whole.subarray(201, 265))).toBe(false);
  });

  it("decides nothing about what is too short, instead of reading beyond it", () => {
    const key = opensslKey(new Uint8Array(32).fill(3));
    const signature = key.sign(new Uint8Array(0));
    expect(sodiumAccepts(key.publicKey.subarray(1), new Uint8Array(0), signature)).toBe(false);
    expect(sodiumAccepts(key.publicKey, new Uint8Array(0), signature.subarray(1))).toBe(false);
    expect(sodiumKey(new Uint8Array(31))).toBeUndefined();
  });
});
