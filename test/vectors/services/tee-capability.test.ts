import { STRICT_POLICY } from "#common/crypto/signature.js";
import { expect, test } from "vitest";
import { fromHex } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import { verifyCapability } from "#consensus/services/registry/types/attestation.js";
import { TeeFeatures } from "#consensus/services/registry/types/tee.js";
import { describeVectors, vectorBytes } from "../support/vectors.ts";

interface CapabilityCase {
  readonly name: string;
  readonly hardware: number;
  readonly rak: string;
  readonly rek: string | null;
  readonly node_id: string;
  readonly ts: number;
  readonly height: number;
  readonly feature_261: boolean;
  readonly features_cbor: string | null;
  readonly constraints_cbor: string;
  readonly attestation_cbor?: string;
  readonly error: string | null;
}

/** What the reference says, and what is said here. */
const REASONS: readonly (readonly [string, string])[] = [
  ["not fresh enough", "not fresh enough"],
  ["from the future", "from the future"],
  ["invalid TEE attestation signature", "invalid TEE attestation signature"],
  ["RAK hash mismatch", "RAK hash mismatch"],
  ["bad TEE enclave identity", "bad TEE enclave identity"],
  ["unsupported SGX attestation version", "unsupported SGX attestation version"],
  ["QE identity expired", "QE identity: expired"],
  ["certificate has expired or is not yet valid", "not yet valid"],
  ["invalid QE evaluation data number", "QE identity: evaluation data number too low"],
  ["FMSPC is blacklisted", "is blacklisted"],
  ["FMSPC is not whitelisted", "is not whitelisted"],
  ["fmspc whitelist should be empty", "whitelist should be empty"],
  ["disabled by policy", "disabled by policy"],
  ["invalid TEE implementation", "invalid TEE implementation"],
  ["TDX policy not supported", "TDX policy not supported"],
  ["cbor: ", "node: "],
  ["unexpected EOF", "node: "],
];

const debug = { dontBlameOasis: false, allowTestKeys: false, allowDebugEnclaves: false };

describeVectors<{ cases: readonly CapabilityCase[] }>("services/tee_capability.json", ({ cases }) => {
  const recorded = vectorBytes("sgx/mainnet/attestation_25299999.cbor");

  function verify(c: CapabilityCase): void {
    const attestation = c.attestation_cbor === undefined ? recorded : fromHex(c.attestation_cbor);
    const rek = c.rek === null ? undefined : fromHex(c.rek);
    const capability = { hardware: c.hardware, rak: fromHex(c.rak), rek, attestation };
    verifyCapability(fromHex(c.node_id), capability, fromHex(c.constraints_cbor), {
      features: c.features_cbor === null ? undefined : TeeFeatures.decode(fromHex(c.features_cbor)),
      now: { seconds: BigInt(c.ts), nanos: 0 },
      height: BigInt(c.height),
      feature261: c.feature_261,
      debug,
      policy: STRICT_POLICY,
    });
  }

  for (const c of cases) {
    test(`${c.name}: the capability ${c.error === null ? "is accepted" : "is refused"}`, () => {
      const { error } = c;
      if (error === null) {
        verify(c);
        return;
      }
      const reason = REASONS.find(([theirs]) => error.includes(theirs))?.[1] ?? `unknown reason: ${error}`;
      expect(() => verify(c)).toThrow(new RegExp(reason));
      expect(() => verify(c)).toThrow(CodedError);
    });
  }
});
