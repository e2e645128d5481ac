import { describe, expect, it, test } from "vitest";
import { fromBase64, fromHex, toHex } from "#common/bytes.js";
import { STRICT_POLICY } from "#common/crypto/signature.js";
import { CodedError } from "#common/errors/index.js";
import { makeNamespace } from "#common/namespace.js";
import { verifyEntity } from "#consensus/services/registry/logic/entity-descriptor.js";
import { checkDeployments } from "#consensus/services/registry/logic/deployments.js";
import { verifyNode } from "#consensus/services/registry/logic/node-descriptor.js";
import { verifyRuntime } from "#consensus/services/registry/logic/runtime-descriptor.js";
import { RegistryParameters } from "#consensus/services/registry/params.js";
import { setNode, setRuntime } from "#consensus/services/registry/state.js";
import { activeDeployment } from "#consensus/services/registry/types/deployments.js";
import { Entity } from "#consensus/services/registry/types/entity.js";
import { Node } from "#consensus/services/registry/types/node.js";
import { Runtime, type VersionInfo } from "#consensus/services/registry/types/runtime.js";
import { MultiSignedNode, SignedEntity } from "#consensus/services/registry/types/signed.js";
import { NodeStatus, withFailure, withSuccess } from "#consensus/services/registry/types/status.js";
import { openTransaction, SignedTransaction } from "#consensus/transaction/transaction.js";
import { Tree } from "#mkvs/tree/tree.js";
import { describeVectors } from "../support/vectors.ts";

interface Verdict {
  readonly kind: "entity" | "node" | "runtime";
  readonly note: string;
  readonly signed?: string;
  readonly descriptor?: string;
  readonly valid: boolean;
  readonly code?: number;
  readonly module?: string;
  /** Identifiers of the node's runtimes, each once. */
  readonly runtimes?: readonly string[];
}

interface Descriptors {
  readonly entity: string;
  readonly epoch: number;
  readonly existing_node: string;
  readonly height: number;
  readonly parameters: string;
  readonly runtimes: readonly string[];
  readonly suspended_runtimes: readonly string[];
  readonly time: number;
  readonly vectors: readonly Verdict[];
}

function answer(action: () => unknown): string {
  try {
    action();
    return "ok";
  } catch (error) {
    if (error instanceof CodedError) return `${error.module}/${error.code}`;
    throw error;
  }
}

describeVectors<Descriptors>("services/registry_descriptors.json", (data) => {
  const state = new Tree({ writeLog: false });
  const existing = Node.decode(fromHex(data.existing_node));
  setNode(state, undefined, existing, { untrustedRawValue: fromHex(data.existing_node), signatures: null });
  for (const rt of data.runtimes) setRuntime(state, Runtime.decode(fromHex(rt)), false);
  for (const rt of data.suspended_runtimes) setRuntime(state, Runtime.decode(fromHex(rt)), true);
  const params = RegistryParameters.decode(fromHex(data.parameters));
  const epoch = BigInt(data.epoch);
  const policy = STRICT_POLICY;
  const now = { seconds: BigInt(data.time), nanos: 0 };
  const debug = { dontBlameOasis: false, allowTestKeys: false, allowDebugEnclaves: false };
  const attestation = {
    features: params.teeFeatures,
    now,
    height: BigInt(data.height),
    feature261: true,
    debug,
    policy,
  };
  const entity = Entity.decode(fromHex(data.entity));

  function verify({ kind, signed = "", descriptor = "" }: Verdict): void {
    if (kind === "entity") {
      verifyEntity(SignedEntity.decode(fromHex(signed)), policy);
    } else if (kind === "node") {
      const rules = { params, epoch, state, policy, genesis: false, attestation };
      verifyNode(MultiSignedNode.decode(fromHex(signed)), entity, rules);
    } else {
      const runtime = Runtime.decode(fromHex(descriptor));
      verifyRuntime(runtime, { params, epoch, policy, feature261: true, dontBlameOasis: false });
    }
  }

  data.vectors.forEach((verdict, i) => {
    test(`${i}: ${verdict.kind}, ${verdict.note}`, () => {
      expect(answer(() => verify(verdict))).toBe(verdict.valid ? "ok" : `${verdict.module}/${verdict.code}`);
    });
  });
});

interface DeploymentCase {
  readonly op: "active_deployment" | "validate_deployments";
  readonly source: string;
  readonly deployments: readonly (RecordedVersion | null)[] | null;
  readonly now: number;
  readonly result?: RecordedVersion | null;
  readonly error?: string | null;
  readonly max_runtime_deployments?: number;
  readonly tee_hardware?: number;
}
interface RecordedVersion {
  readonly version: { major?: number; minor?: number; patch?: number };
  readonly valid_from: number;
  readonly tee?: string;
  readonly bundle_checksum?: string;
}

function versionInfo(v: RecordedVersion): VersionInfo {
  return {
    version: { major: v.version.major ?? 0, minor: v.version.minor ?? 0, patch: v.version.patch ?? 0 },
    validFrom: BigInt(v.valid_from),
    tee: v.tee === undefined ? null : fromBase64(v.tee),
    bundleChecksum: fromBase64(v.bundle_checksum ?? ""),
  };
}

describeVectors<{ cases: DeploymentCase[] }>("services/registry_deployments.json", ({ cases }) => {
  cases.forEach((c, i) => {
    test(`${i}: ${c.op} in ${c.source}`, () => {
      const deployments = (c.deployments ?? []).map((d) => (d === null ? null : versionInfo(d)));
      const runtime = { ...Runtime.zero(), teeHardware: c.tee_hardware ?? 0, deployments };
      const epoch = BigInt(c.now);
      if (c.op === "active_deployment") {
        const expected = c.result === null || c.result === undefined ? undefined : versionInfo(c.result);
        expect(activeDeployment(runtime, epoch)).toEqual(expected);
        return;
      }
      const params = { ...RegistryParameters.zero(), maxRuntimeDeployments: c.max_runtime_deployments ?? 0 };
      const said = answer(() => checkDeployments(runtime, { epoch, params, feature261: true }));
      expect(said === "ok").toBe(c.error === null);
    });
  });
});

interface FaultCase {
  readonly op: "record_failure" | "record_success";
  readonly epoch: number;
  readonly before: { failures?: number; suspended_until?: number };
  readonly after: { failures?: number; suspended_until?: number };
}

describeVectors<{ cases: FaultCase[] }>("services/registry_faults.json", ({ cases }) => {
  const runtimeId = makeNamespace(new Uint8Array(24));

  it.each(cases.map((c, i) => [i, c.op, c] as const))("%i: %s", (_i, op, { before, after, epoch }) => {
    const status = NodeStatus.zero();
    if (before.failures !== undefined) {
      const suspendedUntil = BigInt(before.suspended_until ?? 0);
      status.faults.set(runtimeId, { failures: before.failures, suspendedUntil });
    }
    const record = op === "record_failure" ? withFailure : withSuccess;
    const fault = record(status, runtimeId, BigInt(epoch)).faults.get(runtimeId);
    expect(fault?.failures ?? 0).toBe(after.failures ?? 0);
    expect(fault?.suspendedUntil ?? 0n).toBe(BigInt(after.suspended_until ?? 0));
  });
});

interface SignedTransactions {
  readonly signature_context: string;
  readonly signers: Readonly<Record<string, { readonly public_key: string }>>;
  readonly rows: readonly (readonly [kind: string, nonce: number, encoded: string, valid: boolean])[];
}

describeVectors<SignedTransactions>("services/registry_tx_vectors.json", ({ signature_context, signers, rows }) => {
  const chainContext = signature_context.slice(signature_context.lastIndexOf(" ") + 1);

  describe.each(Object.keys(signers))("%s", (kind) => {
    rows
      .filter((row) => row[0] === kind)
      .forEach(([, nonce, encoded, valid], i) => {
        test(`row ${i}, nonce ${nonce}, is ${valid ? "accepted" : "refused"} and encodes to the same bytes`, () => {
          const raw = fromBase64(encoded);
          expect(toHex(SignedTransaction.encode(SignedTransaction.decode(raw)))).toBe(toHex(raw));
          const opened = answer(() => openTransaction(raw, chainContext));
          expect(opened === "ok").toBe(valid);
        });
      });
  });
});
