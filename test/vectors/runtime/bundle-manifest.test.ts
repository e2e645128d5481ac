import { expect, test } from "vitest";
import { fromHex, toHex, utf8 } from "#common/bytes.js";
import { hash } from "#common/hash.js";
import { EnclaveIdentity } from "#common/tee/enclave-identity.js";
import { Manifest, manifestHash, parseManifest, printManifest } from "#runtime/bundle/manifest.js";
import { describeVectors } from "../support/vectors.ts";

interface BundleVectors {
  manifests: Record<string, { cbor: string; hash: string }>;
  data_hash: { data: string; hash: string };
  rand_buffer: { length: number; digests: Record<string, string> };
  enclave_identity_text: { value: string; mr_enclave: string; mr_signer: string };
}

describeVectors<BundleVectors>("runtime/bundle_manifest.json", (data) => {
  for (const [name, { cbor, hash: expected }] of Object.entries(data.manifests)) {
    test(`manifest ${name} has the reference's encoding and hash`, () => {
      const manifest = Manifest.decode(fromHex(cbor));
      expect(toHex(Manifest.encode(manifest))).toBe(cbor);
      expect(toHex(hash(fromHex(cbor)))).toBe(expected);
    });

    test(`manifest ${name} comes back from JSON with the same name`, () => {
      const manifest = Manifest.decode(fromHex(cbor));
      expect(toHex(manifestHash(manifest))).toBe(expected);
      const again = parseManifest(printManifest(manifest));
      expect(toHex(manifestHash(again))).toBe(toHex(manifestHash(manifest)));
    });
  }

  test("files have the reference's digests", () => {
    expect(toHex(hash(utf8(data.data_hash.data)))).toBe(data.data_hash.hash);
    for (const [seed, digest] of Object.entries(data.rand_buffer.digests)) {
      const start = Number(seed.replace("seed ", ""));
      const bytes = Uint8Array.from({ length: data.rand_buffer.length }, (_, i) =>
        Number(((BigInt(start + i) * 0x3c5c5n) ^ 0xdeadbeefn) & 0xffn),
      );
      expect(toHex(hash(bytes))).toBe(digest);
    }
  });

  test("identities of enclaves have the reference's text", () => {
    const { value, mr_enclave, mr_signer } = data.enclave_identity_text;
    const identity = EnclaveIdentity.fromJson(value);
    expect([toHex(identity.mrEnclave), toHex(identity.mrSigner)]).toEqual([mr_enclave, mr_signer]);
    expect(EnclaveIdentity.toJson(identity)).toBe(value);
  });
});
