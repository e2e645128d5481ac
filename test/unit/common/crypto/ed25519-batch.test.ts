import { ed25519 } from "@noble/curves/ed25519.js";
import { describe, expect, it } from "vitest";
import { u32be, utf8 } from "#common/bytes.js";
import { verifyRaw, verifyRawAll } from "#common/crypto/ed25519.js";
import type { Ed25519Claim } from "#common/crypto/kernels.js";
import * as noble from "#common/crypto/kernels-noble.js";
import { hash } from "#common/hash.js";
import * as openssl from "#platform/kernels-openssl.js";

/** Valid signatures by as many keys as told, in turn. */
function claims(count: number, keys = count, label = ""): Ed25519Claim[] {
  const signers = Array.from({ length: keys }, (_, i) => openssl.ed25519Key(hash(utf8("batch"), u32be(i))));
  return Array.from({ length: count }, (_, i) => {
    const signer = signers[i % keys] as ReturnType<typeof openssl.ed25519Key>;
    const message = hash(utf8(`message ${label}`), u32be(i));
    return { publicKey: signer.publicKey, message, signature: signer.sign(message) };
  });
}

const damage = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.map((byte, i) => (i === at ? byte ^ 1 : byte)) as Uint8Array;

describe.each([
  ["OpenSSL", openssl.ed25519AcceptsAll],
  ["noble", noble.ed25519AcceptsAll],
])("a batch of signatures on %s", (_, acceptsAll) => {
  it("is accepted when all are valid: none, one, several, several of one key", () => {
    expect(acceptsAll([])).toBe(true);
    expect(acceptsAll(claims(1))).toBe(true);
    expect(acceptsAll(claims(20))).toBe(true);
    expect(acceptsAll(claims(20, 3))).toBe(true);
    const [one] = claims(1);
    expect(acceptsAll([one as Ed25519Claim, one as Ed25519Claim])).toBe(true);
  });

  it("is refused for any one that is not, wherever it stands", () => {
    const good = claims(5);
    for (let i = 0; i < good.length; i++) {
      const claim = good[i] as Ed25519Claim;
      for (const bad of [
        { ...claim, message: damage(claim.message, 0) },
        { ...claim, signature: damage(claim.signature, 3) },
        { ...claim, signature: damage(claim.signature, 40) },
        { ...claim, publicKey: damage(claim.publicKey, 7) },
      ]) {
        expect(acceptsAll(good.map((other, at) => (at === i ? bad : other)))).toBe(false);
      }
    }
  });

  it("is refused when two signatures are exchanged, though their sum stays the same", () => {
    const [a, b] = claims(2, 1) as [Ed25519Claim, Ed25519Claim];
    expect(
      acceptsAll([
        { ...a, signature: b.signature },
        { ...b, signature: a.signature },
      ]),
    ).toBe(false);
  });
});

describe("many signatures on noble", () => {
  it("are accepted, and refused with one wrong one among them", () => {
    const many = claims(320);
    expect(noble.ed25519AcceptsAll(many)).toBe(true);
    const last = many.at(-1) as Ed25519Claim;
    const wrong = { ...last, signature: (many[0] as Ed25519Claim).signature };
    expect(noble.ed25519AcceptsAll([...many.slice(0, -1), wrong])).toBe(false);
  });
});

describe("verifying many signatures", () => {
  it("gives the answer that verifying each gives", () => {
    const good = claims(8, 4, "all");
    expect(verifyRawAll(good)).toBe(true);
    expect(verifyRawAll([])).toBe(true);
    const long = openssl.ed25519Key(hash(utf8("long")));
    const message = new Uint8Array(200_000).fill(1);
    const claim = { publicKey: long.publicKey, message, signature: long.sign(message) };
    expect(verifyRawAll([...good, claim])).toBe(true);
    expect(verifyRawAll([...good, { ...claim, message: damage(message, 100) }])).toBe(false);
    expect(verifyRawAll([...good, { ...claim, signature: claim.signature.subarray(0, 63) }])).toBe(false);
    expect(verifyRawAll([...good, { ...claim, publicKey: new Uint8Array(32) }])).toBe(false);
  });

  it("accepts what only the cofactored equation allows, in a batch as alone", () => {
    // R with a point of order 8 added: its multiple by the cofactor is the same.
    const [torsion] = [ed25519.Point.fromHex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")];
    const { Point } = ed25519;
    const seed = hash(utf8("torsion"));
    const { scalar, pointBytes } = ed25519.utils.getExtendedPublicKey(seed);
    const message = hash(utf8("message"));
    const nonce = 123_456_789n;
    const r = Point.BASE.multiply(nonce).add(torsion).toBytes();
    const challenge = Point.Fn.create(littleEndian(noble.sha512(Uint8Array.of(...r, ...pointBytes, ...message))));
    const s = Point.Fn.create(nonce + challenge * scalar);
    const signature = Uint8Array.of(...r, ...Point.Fn.toBytes(s));
    const claim = { publicKey: pointBytes, message, signature };
    expect(openssl.ed25519Accepts(pointBytes, message, signature)).toBe(false);
    expect(noble.ed25519AcceptsAll([claim, ...claims(3)])).toBe(true);
    expect(verifyRawAll([claim, ...claims(3)])).toBe(true);
    expect(verifyRaw(pointBytes, message, signature)).toBe(true);
  });
});

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
}
