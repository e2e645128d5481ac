import { constants, createSign, generateKeyPairSync, privateEncrypt } from "node:crypto";
import { p256 } from "@noble/curves/nist.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, fromHex } from "#common/bytes.js";
import * as noble from "#common/crypto/kernels-noble.js";
import * as openssl from "#platform/kernels-openssl.js";

const ORDER = fromHex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
const FIELD = fromHex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
const message = fc.uint8Array({ maxLength: 300 });

/** The answer of both kernels, which must be one. */
function p256Verify(point: Uint8Array, data: Uint8Array, signature: Uint8Array): boolean {
  const answer = openssl.p256Verify(point, data, signature);
  expect(noble.p256Verify(point, data, signature)).toBe(answer);
  return answer;
}

describe("P-256 signatures on OpenSSL and on noble", () => {
  const secret = new Uint8Array(32).fill(7);
  const point = p256.getPublicKey(secret, false).slice(1);
  const data = new Uint8Array(100).fill(3);
  const good = p256.sign(data, secret, { lowS: false });

  test("are accepted with either s, and refused with any byte changed", () => {
    fc.assert(
      fc.property(message, fc.nat(63), fc.integer({ min: 1, max: 255 }), (text, at, change) => {
        const signature = p256.sign(text, secret, { lowS: false });
        const s = p256.Point.Fn.ORDER - BigInt(`0x${Buffer.from(signature.subarray(32)).toString("hex")}`);
        const mirrored = concatBytes(signature.subarray(0, 32), fromHex(s.toString(16).padStart(64, "0")));
        expect(p256Verify(point, text, signature)).toBe(true);
        expect(p256Verify(point, text, mirrored)).toBe(true);
        signature[at] = (signature[at] as number) ^ change;
        expect(p256Verify(point, text, signature)).toBe(false);
      }),
      { numRuns: 40 },
    );
  });

  test("are refused with numbers out of range or of another size", () => {
    const [r, s] = [good.subarray(0, 32), good.subarray(32)];
    const zero = new Uint8Array(32);
    for (const numbers of [
      [zero, s],
      [r, zero],
      [ORDER, s],
      [r, ORDER],
      [zero.map(() => 255), s],
    ]) {
      expect(p256Verify(point, data, concatBytes(...numbers))).toBe(false);
    }
    for (const size of [0, 63, 65]) expect(p256Verify(point, data, new Uint8Array(size))).toBe(false);
  });

  test("are refused for points off the curve, at infinity, out of range or of another size", () => {
    const off = point.slice();
    off[63] = (off[63] as number) ^ 1;
    const wide = concatBytes(FIELD, point.subarray(32));
    for (const key of [off, new Uint8Array(64), wide, point.subarray(1), concatBytes(point, Uint8Array.of(0))]) {
      expect(p256Verify(key, data, good)).toBe(false);
    }
  });
});

describe("RSA signatures on OpenSSL and in big integers", () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048, publicExponent: 65537 });
  const { n = "" } = publicKey.export({ format: "jwk" });
  const modulus = new Uint8Array(Buffer.from(n, "base64url"));

  function verify(text: Uint8Array, signature: Uint8Array, key = modulus, exponent = 65537): boolean {
    const answer = openssl.rsaSha256Verify(key, exponent, text, signature);
    expect(noble.rsaSha256Verify(key, exponent, text, signature)).toBe(answer);
    return answer;
  }

  test("are accepted, and refused with any byte changed", () => {
    fc.assert(
      fc.property(message, fc.nat(255), fc.integer({ min: 1, max: 255 }), (text, at, change) => {
        const signature = new Uint8Array(createSign("sha256").update(text).sign(privateKey));
        expect(verify(text, signature)).toBe(true);
        signature[at] = (signature[at] as number) ^ change;
        expect(verify(text, signature)).toBe(false);
      }),
      { numRuns: 10 },
    );
  });

  test("are refused with another digest, padding, size, key or exponent", () => {
    const text = new Uint8Array(10);
    const good = new Uint8Array(createSign("sha256").update(text).sign(privateKey));
    expect(verify(text, new Uint8Array(createSign("sha512").update(text).sign(privateKey)))).toBe(false);
    const digest = openssl.sha256(text);
    const padded = { key: privateKey, padding: constants.RSA_PKCS1_PADDING };
    expect(verify(text, new Uint8Array(privateEncrypt(padded, digest)))).toBe(false);
    expect(verify(text, concatBytes(Uint8Array.of(0), good))).toBe(false);
    expect(verify(text, good.subarray(1))).toBe(false);
    expect(verify(text, new Uint8Array(0))).toBe(false);
    expect(verify(text, modulus)).toBe(false);
    for (const exponent of [0, 1, 2, 3, 65536]) expect(verify(text, good, modulus, exponent)).toBe(false);
    const even = modulus.slice();
    even[255] = (even[255] as number) & 0xfe;
    expect(verify(text, good, even)).toBe(false);
  });
});
