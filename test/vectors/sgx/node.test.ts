import { STRICT_POLICY } from "#common/crypto/signature.js";
import { expect, test } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import type { TeeFeatures } from "#consensus/services/registry/types/tee.js";
import { SgxAttestation, SgxConstraints } from "#consensus/services/registry/types/tee.js";
import { checkConstraints, verifyCapability } from "#consensus/services/registry/types/attestation.js";
import { enclavePolicy } from "#common/tee/enclave-policy.js";
import { openIasReport, parseIasQuote } from "#common/tee/ias-report.js";
import type { AvrBundle } from "#common/tee/quote.js";
import { verifyQuote } from "#common/tee/verify-quote.js";
import { describeVectors, vectorBytes, vectors } from "../support/vectors.ts";
import type { Expectations, NodeEntry } from "./expectations.ts";

const FEATURES: TeeFeatures = {
  sgx: { pcs: true, signedAttestations: true, maxAttestationAge: 1200n, tdx: false, defaultPolicy: undefined },
  freshnessProofs: false,
};
const debug = { dontBlameOasis: false, allowTestKeys: false, allowDebugEnclaves: false };

function checkReport(entry: NodeEntry, attestation: SgxAttestation): void {
  const { avr = {} } = entry;
  const now = { seconds: 1_659_084_810n, nanos: 0 };
  const bundle = attestation.quote.ias as AvrBundle;
  const report = openIasReport(bundle, enclavePolicy({ debug: false, testKeys: false }), now);
  expect([report.version, report.timestamp, report.nonce]).toEqual([avr["version"], avr["timestamp"], avr["nonce"]]);
  const { identity } = parseIasQuote(report.isvEnclaveQuoteBody).report;
  expect([toHex(identity.mrEnclave), toHex(identity.mrSigner)]).toEqual([avr["mr_enclave"], avr["mr_signer"]]);
}

describeVectors<Expectations>("sgx/expectations.json", ({ node }) => {
  for (const entry of node.filter(({ file }) => file.includes("constraints"))) {
    test(`${entry.file} round-trips and is checked against the features`, () => {
      const bytes = vectorBytes(`sgx/${entry.file}`);
      const constraints = SgxConstraints.decode(bytes);
      expect(toHex(SgxConstraints.encode(constraints))).toBe(toHex(bytes));
      const listed = constraints.enclaves.map((e) => [toHex(e.mrEnclave), toHex(e.mrSigner)]);
      if (entry.enclaves !== undefined) {
        expect(listed).toEqual(entry.enclaves.map((e) => [e.mr_enclave, e.mr_signer]));
      }
      expect(() => checkConstraints(constraints, FEATURES, true)).not.toThrow();
      const bare = (): void => checkConstraints(constraints, undefined, true);
      if (entry.validate_basic === "ok") expect(bare).not.toThrow();
      else expect(bare).toThrow("unsupported SGX constraints version");
    });
  }

  for (const entry of node.filter(({ file }) => file.includes("attestation"))) {
    test(`${entry.file} round-trips`, () => {
      const bytes = vectorBytes(`sgx/${entry.file}`);
      const attestation = SgxAttestation.decode(bytes);
      expect(toHex(SgxAttestation.encode(attestation))).toBe(toHex(bytes));
      expect(attestation.height).toBe(BigInt(entry.height ?? 0));
      if (entry.avr !== undefined) checkReport(entry, attestation);
    });
  }

  test("an attestation whose TCB information is of version 2 never verifies", () => {
    const { quote } = SgxAttestation.decode(vectorBytes("sgx/node/sgx_attestation_v1.bin"));
    const enclaves = enclavePolicy({ debug: true, testKeys: true });
    // A day after the documents were issued: what is newer in the reference's format is all that is missing.
    const now = { seconds: 1_662_802_000n, nanos: 0 };
    expect(() => verifyQuote(quote, undefined, enclaves, now)).toThrow("TCB info");
  });

  test("an old attestation passes every check up to the key, which the recording does not have", () => {
    const attestation = vectorBytes("sgx/node/sgx_attestation_v0.bin");
    const constraints = vectorBytes("sgx/node/sgx_constraints_v0.bin");
    const capability = { hardware: 1, rak: new Uint8Array(32), rek: undefined, attestation };
    const now = { seconds: 1_659_084_810n, nanos: 0 };
    const check = (features: TeeFeatures | undefined): (() => void) => {
      const rules = { features, now, height: 0n, feature261: true, debug, policy: STRICT_POLICY };
      return () => verifyCapability(new Uint8Array(32), capability, constraints, rules);
    };
    expect(check(undefined)).toThrow("RAK hash mismatch");
    expect(check(FEATURES)).toThrow("RAK hash mismatch");
  });

  test("the attestation of a production key manager passes the registry's check", () => {
    const km = vectors<Readonly<Record<"rak" | "rek" | "node_id" | "mr_enclave" | "mr_signer", string>>>(
      "sgx/mainnet/km_attestation.json",
    );
    const attestation = vectorBytes("sgx/mainnet/attestation_25299999.cbor");
    const capability = { hardware: 1, rak: fromHex(km.rak), rek: fromHex(km.rek), attestation };
    const identity = { mrEnclave: fromHex(km.mr_enclave), mrSigner: fromHex(km.mr_signer) };
    const constraints = SgxConstraints.encode({ v: 1, enclaves: [identity], policy: undefined, maxAttestationAge: 0n });
    const now = { seconds: 1_751_428_365n, nanos: 0 };
    const rules = { features: FEATURES, now, height: 25_299_999n, feature261: true, debug, policy: STRICT_POLICY };
    expect(() => verifyCapability(fromHex(km.node_id), capability, constraints, rules)).not.toThrow();
    const inDebugMode = { ...rules, debug: { ...debug, dontBlameOasis: true, allowDebugEnclaves: true } };
    expect(() => verifyCapability(fromHex(km.node_id), capability, constraints, inDebugMode)).toThrow(
      "production enclave in debug mode",
    );
  });
});
