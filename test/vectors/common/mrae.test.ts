import { expect, it } from "vitest";
import { concatBytes, fromHex, toHex } from "#common/bytes.js";
import { ed25519_hasher } from "@noble/curves/ed25519.js";
import { hashToPublicKey } from "#common/crypto/hash-to-curve.js";
import * as noble from "#common/crypto/kernels-noble.js";
import { boxKey, DeoxysII, openBox, sealBox } from "#common/crypto/mrae.js";
import { utf8 } from "#common/bytes.js";
import * as openssl from "#platform/kernels-openssl.js";
import { describeVectors } from "../support/vectors.ts";

interface Deoxys {
  official: { name: string; key: string; nonce: string; aad: string; message: string; sealed: string }[];
  kat: {
    key: string;
    nonce: string;
    msg: string;
    aad: string;
    vectors: { length: number; ciphertext: string; tag: string }[];
  };
}

function check(key: string, nonce: string, aad: Uint8Array, message: Uint8Array, sealed: string): void {
  const aead = new DeoxysII(fromHex(key));
  expect(toHex(aead.seal(fromHex(nonce), message, aad))).toBe(sealed);
  expect(aead.open(fromHex(nonce), fromHex(sealed), aad)).toEqual(message);
  const damaged = fromHex(sealed);
  damaged[0] = (damaged[0] as number) ^ 1;
  expect(aead.open(fromHex(nonce), damaged, aad)).toBeNull();
  expect(aead.open(fromHex(nonce), fromHex(sealed), concatBytes(aad, Uint8Array.of(0)))).toBeNull();
}

describeVectors<Deoxys>("common/deoxysii.json", ({ official, kat }) => {
  it.each(official)("$name of the authors", ({ key, nonce, aad, message, sealed }) => {
    check(key, nonce, fromHex(aad), fromHex(message), sealed);
  });

  it("gives every known answer", () => {
    for (const { length, ciphertext, tag } of kat.vectors) {
      const [message, aad] = [fromHex(kat.msg).slice(0, length), fromHex(kat.aad).slice(0, length)];
      check(kat.key, kat.nonce, aad, message, ciphertext + tag);
    }
    expect(new DeoxysII(fromHex(kat.key)).open(fromHex(kat.nonce), new Uint8Array(15))).toBeNull();
  });
});

interface Box {
  private_key: string;
  public_key: string;
  peer_private_key: string;
  peer_public_key: string;
  symmetric_key: string;
  nonce: string;
  aad: string;
  message: string;
  sealed: string;
}

describeVectors<{ vectors: Box[] }>("common/mrae_box.json", ({ vectors }) => {
  it.each(vectors)("a box with the key $symmetric_key", (box) => {
    const [secret, peer] = [fromHex(box.private_key), fromHex(box.peer_public_key)];
    const [nonce, aad, message] = [fromHex(box.nonce), fromHex(box.aad), fromHex(box.message)];
    for (const kernel of [openssl, noble]) {
      expect(toHex(kernel.x25519PublicKey(secret))).toBe(box.public_key);
    }
    expect(toHex(boxKey(secret, peer))).toBe(box.symmetric_key);
    expect(toHex(sealBox(nonce, message, aad, peer, secret))).toBe(box.sealed);
    const opened = openBox(nonce, fromHex(box.sealed), aad, fromHex(box.public_key), fromHex(box.peer_private_key));
    expect(opened).toEqual(message);
  });
});

interface Curve {
  suites: { suite: string; dst: string; vectors: { msg: string; P: { x: string; y: string } }[] }[];
}

describeVectors<Curve>("common/h2c_edwards25519.json", ({ suites }) => {
  it.each(suites)("$suite", ({ suite, dst, vectors }) => {
    for (const { msg, P } of vectors) {
      const message = utf8(msg);
      const uniform = suite.endsWith("_RO_");
      const map = uniform ? ed25519_hasher.hashToCurve : ed25519_hasher.encodeToCurve;
      const point = map(message, { DST: utf8(dst) });
      expect(point.toAffine()).toEqual({ x: BigInt(P.x), y: BigInt(P.y) });
      if (uniform) expect(hashToPublicKey(utf8(dst), message)).toEqual(point.toBytes());
    }
  });
});
