import { describe, expect, it } from "vitest";
import { toHex, utf8 } from "#common/bytes.js";
import {
  defineContext,
  isOnlySignedBy,
  isSignedBy,
  KeyedSignature,
  MemorySigner,
  MultiSigned,
  multiSigned,
  SignatureInvalid,
  Signed,
  signed,
} from "#common/crypto/signature.js";
import { DecodeError } from "#common/errors/index.js";
import { struct, text, u64 } from "#common/schema/index.js";

class Note extends struct("Note", { words: text({ max: 100 }), n: u64 }) {}
const context = defineContext("qanat/test: note", { chain: true });
class SignedNote extends signed("SignedNote", Note, context) {}
class MultiSignedNote extends multiSigned("MultiSignedNote", Note, context) {}

const domain = { chainContext: "abcd" };
const alice = MemorySigner.fromTestName("alice");
const bob = MemorySigner.fromTestName("bob");
const note = { words: "hello", n: 7n };

describe("a signed envelope", () => {
  it("opens to the value after a trip over the wire, in CBOR and in JSON", () => {
    const envelope = SignedNote.sign(alice, note, domain);
    expect(SignedNote.open(SignedNote.decode(SignedNote.encode(envelope)), domain)).toEqual(note);
    expect(SignedNote.open(SignedNote.fromJson(SignedNote.toJson(envelope)), domain)).toEqual(note);
    expect(toHex(Signed.encode(envelope))).toBe(toHex(SignedNote.encode(envelope)));
    expect(Object.keys(SignedNote.toJson(envelope) as object)).toEqual(["untrusted_raw_value", "signature"]);
    expect(Object.keys(KeyedSignature.toJson(envelope.signature) as object)).toEqual(["public_key", "signature"]);
  });

  it("keeps the signed bytes even when they are not canonical", () => {
    // {"n": 7, "words": "x"} with 7 in two bytes: valid, but encoding it again would shorten it.
    const blob = Uint8Array.of(0xa2, 0x61, 0x6e, 0x18, 0x07, 0x65, ...utf8("words"), 0x61, 0x78);
    const signature = { publicKey: alice.publicKey, signature: alice.sign(context, blob, domain) };
    const envelope = SignedNote.decode(SignedNote.encode({ untrustedRawValue: blob, signature }));
    expect(envelope.untrustedRawValue).toEqual(blob);
    expect(SignedNote.open(envelope, domain)).toEqual({ words: "x", n: 7n });
  });

  it("does not open with another chain, a changed blob or another key", () => {
    const envelope = SignedNote.sign(alice, note, domain);
    expect(() => SignedNote.open(envelope, { chainContext: "ef" })).toThrow(SignatureInvalid);
    expect(() => SignedNote.open(envelope)).toThrow(SignatureInvalid);
    const changed = { ...envelope, untrustedRawValue: Note.encode({ ...note, n: 8n }) };
    expect(SignedNote.verifies(changed, domain)).toBe(false);
    const stolen = { ...envelope, signature: { ...envelope.signature, publicKey: bob.publicKey } };
    expect(() => SignedNote.open(stolen, domain)).toThrow(SignatureInvalid);
  });

  it("does not open when the signed bytes are not the value", () => {
    const blob = Uint8Array.of(0xa1, 0x61, 0x78, 0x00);
    const signature = { publicKey: alice.publicKey, signature: alice.sign(context, blob, domain) };
    expect(() => SignedNote.open({ untrustedRawValue: blob, signature }, domain)).toThrow(DecodeError);
  });
});

describe("an envelope with several signatures", () => {
  const both = MultiSignedNote.sign([alice, bob], note, domain);

  it("opens when all signatures are valid and there is at least one", () => {
    expect(MultiSignedNote.open(MultiSignedNote.decode(MultiSignedNote.encode(both)), domain)).toEqual(note);
    expect(MultiSignedNote.verifies({ ...both, signatures: [] }, domain)).toBe(false);
    expect(MultiSignedNote.verifies({ ...both, signatures: null }, domain)).toBe(false);
    const [first, second] = both.signatures as [KeyedSignature, KeyedSignature];
    const swapped = { ...both, signatures: [first, { ...second, signature: first.signature }] };
    expect(() => MultiSignedNote.open(swapped, domain)).toThrow(SignatureInvalid);
  });

  it("keeps null and an empty list of signatures apart on the wire", () => {
    for (const signatures of [null, []]) {
      const envelope = { untrustedRawValue: Uint8Array.of(1), signatures };
      expect(MultiSigned.decode(MultiSigned.encode(envelope))).toEqual(envelope);
    }
  });

  it("tells who signed", () => {
    const [first] = both.signatures as [KeyedSignature, KeyedSignature];
    expect(isSignedBy(both, alice.publicKey)).toBe(true);
    expect(isSignedBy(both, MemorySigner.fromTestName("carol").publicKey)).toBe(false);
    expect(isOnlySignedBy(both, [bob.publicKey, alice.publicKey])).toBe(true);
    expect(isOnlySignedBy(both, [alice.publicKey])).toBe(false);
    expect(isOnlySignedBy({ ...both, signatures: [first, first] }, [alice.publicKey])).toBe(true);
    expect(isOnlySignedBy({ ...both, signatures: [first] }, [alice.publicKey, alice.publicKey])).toBe(false);
  });
});
