/** Whether a node's trusted hardware is what a runtime demands (registry: TEE verification). */
import { DecodeError, unknown } from "#common/errors/index.js";
import type { AcceptancePolicy } from "#common/crypto/signature.js";
import type { Timestamp } from "#common/schema/index.js";
import { enclavePolicy } from "#common/tee/enclave-policy.js";
import { isSameEnclave } from "#common/tee/enclave-report.js";
import { demand, EvidenceRejected } from "#common/tee/evidence-rejected.js";
import type { QuotePolicy } from "#common/tee/quote-policy.js";
import { bindsKey, isClaimSigned } from "#common/tee/rak-binding.js";
import { verifyQuote } from "#common/tee/verify-quote.js";
import type { DebugSwitches } from "../../../app/context.js";
import { registryErrors } from "../errors.js";
import { deploymentForVersion } from "./deployments.js";
import type { NodeRuntime } from "./node.js";
import type { Runtime } from "./runtime.js";
import {
  type CapabilityTee,
  SgxAttestation,
  SgxConstraints,
  TEE_INTEL_SGX,
  TEE_NONE,
  type TeeFeatures,
} from "./tee.js";

/** What an attestation is judged by. */
export interface AttestationRules {
  readonly features: TeeFeatures | undefined;
  readonly now: Timestamp;
  /** Last height. */
  readonly height: bigint;
  readonly feature261: boolean;
  /** Switches of the node: whether debug enclaves count, and enclaves of test signers. */
  readonly debug: DebugSwitches;
  /** Which keys may sign. */
  readonly policy: AcceptancePolicy;
}

/** Newest version of constraints and attestations. */
const LATEST_VERSION = 1;
const NOTHING = new Uint8Array(0);

/**
 * Checks constraints as such, without any attestation.
 * @throws CodedError unknown/1
 */
export function checkConstraints(
  constraints: SgxConstraints,
  features: TeeFeatures | undefined,
  feature261: boolean,
): void {
  const { v, policy } = constraints;
  if ((features?.sgx.pcs !== true && v !== 0) || v > LATEST_VERSION) {
    throw unknown(`unsupported SGX constraints version: ${v}`);
  }
  if (features?.sgx.tdx !== true && policy?.pcs?.tdx !== undefined) throw unknown("TDX policy not supported");
  if (!feature261 && (policy?.pcs?.fmspcWhitelist ?? []).length > 0) throw unknown("FMSPC whitelist should be empty");
}

/** The policy of a deployment, filled up with that of the network part by part. */
function policyWithDefaults({ policy }: SgxConstraints, features: TeeFeatures | undefined): QuotePolicy | undefined {
  const defaults = features?.sgx.defaultPolicy;
  if (defaults === undefined) return policy;
  const pcs = features?.sgx.pcs === true ? defaults.pcs : undefined;
  return { ias: policy?.ias ?? defaults.ias, pcs: policy?.pcs ?? pcs };
}

/** With signed attestations the enclave names the node it runs on and a recent height. */
function checkClaim(
  nodeId: Uint8Array,
  capability: CapabilityTee,
  attestation: SgxAttestation,
  reportData: Uint8Array,
  maxAge: bigint,
  rules: AttestationRules,
): void {
  const { height, signature } = attestation;
  const claim = { reportData, nodeId, height, rek: capability.rek };
  const signed = isClaimSigned(claim, capability.rak, signature, rules.policy);
  demand(signed, "invalid TEE attestation signature");
  demand(height <= rules.height, "TEE attestation from the future");
  const age = rules.height - height;
  demand(age <= maxAge, `TEE attestation not fresh enough: age ${age}, at most ${maxAge}`);
}

function checkSgx(
  nodeId: Uint8Array,
  capability: CapabilityTee,
  encodedConstraints: Uint8Array | null,
  rules: AttestationRules,
): void {
  const { features, debug } = rules;
  const attestation = SgxAttestation.decode(capability.attestation ?? NOTHING);
  const supported = features?.sgx.pcs === true ? LATEST_VERSION : 0;
  demand(attestation.v <= supported, `unsupported SGX attestation version ${attestation.v}`);
  const constraints = SgxConstraints.decode(encodedConstraints ?? NOTHING);
  checkConstraints(constraints, features, rules.feature261);
  const enclaves = enclavePolicy({
    debug: debug.dontBlameOasis && debug.allowDebugEnclaves,
    testKeys: debug.dontBlameOasis && debug.allowTestKeys,
  });
  const policy = policyWithDefaults(constraints, features);
  const { identity, reportData } = verifyQuote(attestation.quote, policy, enclaves, rules.now);
  demand(
    constraints.enclaves.some((allowed) => isSameEnclave(allowed, identity)),
    "bad TEE enclave identity",
  );
  demand(bindsKey(reportData, capability.rak), "RAK hash mismatch");
  if (features?.sgx.signedAttestations !== true) return;
  const { maxAttestationAge } = constraints;
  const maxAge = maxAttestationAge === 0n ? features.sgx.maxAttestationAge : maxAttestationAge;
  checkClaim(nodeId, capability, attestation, reportData, maxAge, rules);
}

/**
 * Checks the attestation behind a capability against the constraints of a deployment (registry: TEE verification).
 * @param nodeId 32 bytes
 * @param constraints encoded constraints of the deployment, null when it has none
 * @throws CodedError unknown/1
 */
export function verifyCapability(
  nodeId: Uint8Array,
  capability: CapabilityTee,
  constraints: Uint8Array | null,
  rules: AttestationRules,
): void {
  if (capability.hardware !== TEE_INTEL_SGX) throw unknown("node: invalid TEE implementation");
  try {
    checkSgx(nodeId, capability, constraints, rules);
  } catch (error) {
    if (error instanceof EvidenceRejected || error instanceof DecodeError) throw unknown(`node: ${error.message}`);
    throw error;
  }
}

/**
 * Checks the trusted hardware that a node claims for a runtime.
 * @param nodeId 32 bytes
 * @throws CodedError registry/8 when the kind of hardware differs, registry/1 for an unknown version, unknown/1 for an
 * attestation that does not hold
 */
export function verifyNodeRuntimeTee(
  nodeId: Uint8Array,
  nodeRuntime: NodeRuntime,
  runtime: Runtime,
  rules: AttestationRules,
): void {
  const tee = nodeRuntime.capabilities.tee;
  if ((tee?.hardware ?? TEE_NONE) !== runtime.teeHardware) throw registryErrors.teeHardwareMismatch();
  if (tee === undefined) return;
  const deployment = deploymentForVersion(runtime, nodeRuntime.version);
  if (deployment === undefined) throw registryErrors.invalidArgument("node running unknown runtime enclave version");
  verifyCapability(nodeId, tee, deployment.tee, rules);
}
