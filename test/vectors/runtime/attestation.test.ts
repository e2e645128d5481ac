import { expect, test } from "vitest";
import { fromHex, toBase64, toHex, utf8 } from "#common/bytes.js";
import { MemorySigner, STRICT_POLICY, TEST_KEYS_POLICY, verify } from "#common/crypto/signature.js";
import { hash } from "#common/hash.js";
import { SortedMap } from "#common/sorted-map.js";
import { parseDcapQuote } from "#common/tee/dcap-quote.js";
import { LABEL_ATTESTATION_CONTEXT, LabelAttestation } from "#common/tee/label-attestation.js";
import {
  ATTESTATION_CONTEXT,
  attestationHash,
  bindsKey,
  isClaimSigned,
  quoteNonce,
  reportDataFor,
} from "#common/tee/rak-binding.js";
import { x25519PublicKey } from "#kernels";
import { describeVectors, vectorBytes } from "../support/vectors.ts";

interface AttestationVectors {
  readonly hash_attestation: readonly {
    readonly report_data: string;
    readonly node_id: string;
    readonly height: number;
    readonly rek: string | null;
    readonly hash: string;
  }[];
  readonly label_attestation: {
    readonly context: string;
    readonly signer_seed: string;
    readonly public_key: string;
    readonly cbor: string;
    readonly signature: string;
  };
  readonly report_data: {
    readonly rak: string;
    readonly nonce_random_input: string;
    readonly nonce: string;
    readonly report_data: string;
    readonly nonce_field_text: string;
  };
  readonly insecure_keys: Readonly<Record<"rak_seed" | "rak_public" | "rek_seed" | "rek_public", string>>;
  readonly tdx_identity: { readonly expected: string };
}

describeVectors<AttestationVectors>("runtime/attestation.json", (data) => {
  data.hash_attestation.forEach(({ report_data, node_id, height, rek, hash: expected }, i) => {
    test(`${i}: the attestation hash ${rek === null ? "without" : "with"} an encryption key`, () => {
      const claim = {
        reportData: fromHex(report_data),
        nodeId: fromHex(node_id),
        height: BigInt(height),
        rek: rek === null ? undefined : fromHex(rek),
      };
      expect(toHex(attestationHash(claim))).toBe(expected);
      const enclave = MemorySigner.fromTestName("attestation test");
      const signature = enclave.sign(ATTESTATION_CONTEXT, attestationHash(claim));
      expect(isClaimSigned(claim, enclave.publicKey, signature, STRICT_POLICY)).toBe(true);
      const other = { ...claim, height: claim.height + 1n };
      expect(isClaimSigned(other, enclave.publicKey, signature, STRICT_POLICY)).toBe(false);
    });
  });

  test("labels are signed under their own context", () => {
    const { context, signer_seed, public_key, cbor, signature } = data.label_attestation;
    expect(LABEL_ATTESTATION_CONTEXT.base).toBe(context);
    const labels = SortedMap.text<string>();
    labels.set("foo", "bar");
    const message = LabelAttestation.encode({ rak: new Uint8Array(32).fill(0x42), labels });
    expect(toHex(message)).toBe(cbor);
    const signer = MemorySigner.fromTestName(signer_seed);
    expect(toHex(signer.publicKey)).toBe(public_key);
    expect(toHex(signer.sign(LABEL_ATTESTATION_CONTEXT, message))).toBe(signature);
    expect(verify(signer.publicKey, LABEL_ATTESTATION_CONTEXT, message, fromHex(signature))).toBe(true);
  });

  test("report data binds the attestation key and a nonce", () => {
    const { rak, nonce_random_input, nonce, report_data, nonce_field_text } = data.report_data;
    const made = quoteNonce(fromHex(nonce_random_input));
    expect(toHex(made)).toBe(nonce);
    expect(toBase64(made.subarray(0, 24))).toBe(nonce_field_text);
    const reportData = reportDataFor(fromHex(rak), made);
    expect(toHex(reportData)).toBe(report_data);
    expect(bindsKey(reportData, fromHex(rak))).toBe(true);
    expect(bindsKey(reportData, made)).toBe(false);
  });

  test("the keys of runtimes without trusted hardware follow from public seeds and are no keys of real chains", () => {
    const { rak_seed, rak_public, rek_seed, rek_public } = data.insecure_keys;
    const rak = MemorySigner.fromTestName(rak_seed);
    expect(toHex(rak.publicKey)).toBe(rak_public);
    expect(toHex(x25519PublicKey(hash(utf8(rek_seed))))).toBe(rek_public);
    const claim = { reportData: new Uint8Array(64), nodeId: new Uint8Array(32), height: 1n, rek: undefined };
    const signature = rak.sign(ATTESTATION_CONTEXT, attestationHash(claim));
    expect(isClaimSigned(claim, rak.publicKey, signature, TEST_KEYS_POLICY)).toBe(true);
    expect(isClaimSigned(claim, rak.publicKey, signature, STRICT_POLICY)).toBe(false);
  });

  test("the identity of a trust domain is a hash of its measurements", () => {
    const quote = parseDcapQuote(vectorBytes("sgx/pcs/quote_v4_tdx_ecdsa_p256.bin"));
    expect(toHex(quote.report.identity.mrEnclave)).toBe(data.tdx_identity.expected);
    expect(toHex(quote.report.identity.mrSigner)).toBe("00".repeat(32));
  });
});
