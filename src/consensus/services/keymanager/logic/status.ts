/** The status of a key manager in a new epoch (key manager: secrets, epoch). */
import { sha3_256 } from "#kernels";
import { equalBytes } from "#common/bytes.js";
import { type AcceptancePolicy, verify } from "#common/crypto/signature.js";
import { CodedError, DecodeError, unknown } from "#common/errors/index.js";
import { hasRoles, ROLE_KEY_MANAGER } from "#common/node-roles.js";
import { type AttestationRules, verifyNodeRuntimeTee } from "../../registry/types/attestation.js";
import { isNodeExpired, type Node, type NodeRuntime } from "../../registry/types/node.js";
import type { Runtime } from "../../registry/types/runtime.js";
import {
  CHECKSUM_SIZE,
  INIT_RESPONSE_CONTEXT,
  InitResponse,
  type KeyManagerStatus,
  nextGeneration,
  type SignedEncryptedMasterSecret,
  SignedInitResponse,
  SignedPolicySgx,
} from "../types/secrets.js";
import { attestationKey } from "./keys.js";

/** Percent of the committee that must have copied the next master secret before it counts. */
const MIN_REPLICATION_PERCENT = 66;
const NOTHING = new Uint8Array(0);

/** What a new status follows from. */
export interface StatusInput {
  readonly runtime: Runtime;
  readonly old: KeyManagerStatus;
  /** The proposal for the next master secret. */
  readonly secret: SignedEncryptedMasterSecret | undefined;
  /** All nodes, by identifier. */
  readonly nodes: readonly Node[];
  readonly epoch: bigint;
  readonly attestation: AttestationRules;
  readonly policy: AcceptancePolicy;
}

/**
 * Verifies what an enclave says about itself.
 * @throws CodedError, DecodeError
 */
function verifyExtraInfo(node: Node, entry: NodeRuntime, input: StatusInput): InitResponse {
  verifyNodeRuntimeTee(node.id, entry, input.runtime, input.attestation);
  if (entry.extraInfo === null) throw unknown("keymanager: missing extra info");
  const key = attestationKey(entry, input.runtime);
  const { initResponse, signature } = SignedInitResponse.decode(entry.extraInfo);
  const message = InitResponse.encode(initResponse);
  const ok = verify(key, INIT_RESPONSE_CONTEXT, message, signature ?? NOTHING, { policy: input.policy });
  if (!ok) throw unknown("keymanager: invalid initialization response signature");
  return initResponse;
}

function initResponseOf(node: Node, entry: NodeRuntime, input: StatusInput): InitResponse | undefined {
  try {
    return verifyExtraInfo(node, entry, input);
  } catch (error) {
    // A node with a bad response is left out, nothing more.
    if (error instanceof CodedError || error instanceof DecodeError) return undefined;
    throw error;
  }
}

function samePolicy(checksum: Uint8Array | null, expected: Uint8Array): boolean {
  const given = checksum ?? NOTHING;
  if (given.length === 0) return equalBytes(sha3_256(NOTHING), expected);
  return given.length === CHECKSUM_SIZE && equalBytes(given, expected);
}

/** Where the entries of nodes have to agree; the first one that says something decides. */
interface Agreement {
  readonly isInitialized: boolean;
  readonly isSecure: boolean;
  readonly rsk: Uint8Array | undefined;
  readonly nextRsk: Uint8Array | undefined;
  /** Whether the next master secret has been copied. */
  readonly replicated: boolean;
}

/** What the network expects of every entry. */
interface Expected {
  readonly checksum: Uint8Array;
  readonly nextChecksum: Uint8Array;
  readonly policyHash: Uint8Array;
}

function agrees(key: Uint8Array | undefined, with_: Uint8Array | undefined): boolean {
  return key === undefined || with_ === undefined || equalBytes(key, with_);
}

/** The agreement after one more entry; undefined when the entry contradicts it. */
function joined(before: Agreement, response: InitResponse, expected: Expected): Agreement | undefined {
  if (!samePolicy(response.policyChecksum, expected.policyHash)) return undefined;
  const isSecure = before.isInitialized ? before.isSecure : response.isSecure;
  if (response.isSecure !== isSecure) return undefined;
  if (!equalBytes(response.checksum ?? NOTHING, expected.checksum)) return undefined;
  const rsk = before.rsk ?? response.rsk;
  if (!agrees(response.rsk, rsk)) return undefined;
  const nextRsk = before.nextRsk ?? response.nextRsk;
  const copied = equalBytes(response.nextChecksum, expected.nextChecksum) && agrees(response.nextRsk, nextRsk);
  return { isInitialized: true, isSecure, rsk, nextRsk, replicated: before.replicated && copied };
}

/** The agreement after a node, all of whose entries for the key manager must fit; undefined when it stays out. */
function joinedByNode(before: Agreement, node: Node, expected: Expected, input: StatusInput): Agreement | undefined {
  if (isNodeExpired(node, input.epoch) || !hasRoles(node.roles, ROLE_KEY_MANAGER)) return undefined;
  let agreement: Agreement = { ...before, replicated: true };
  let entries = 0;
  for (const entry of node.runtimes ?? []) {
    if (entry === null || !equalBytes(entry.id, input.runtime.id)) continue;
    const response = initResponseOf(node, entry, input);
    const next = response === undefined ? undefined : joined(agreement, response, expected);
    if (next === undefined) return undefined;
    agreement = next;
    entries++;
  }
  return entries === 0 ? undefined : agreement;
}

/** Forms the committee of an epoch and takes over the next master secret if enough of it have copied it. */
export function generateStatus(input: StatusInput): KeyManagerStatus {
  const { old, secret, epoch } = input;
  const policy = old.nextPolicy ?? old.policy;
  const generation = nextGeneration(old);
  const counts = secret !== undefined && secret.secret.generation === generation && secret.secret.epoch === epoch;
  const nextChecksum = counts ? secret.secret.secret.checksum : null;
  const expected: Expected = {
    checksum: old.checksum ?? NOTHING,
    nextChecksum: nextChecksum ?? NOTHING,
    policyHash: sha3_256(policy === null ? NOTHING : SignedPolicySgx.encode(policy)),
  };
  let agreement: Agreement = {
    isInitialized: old.isInitialized,
    isSecure: old.isSecure,
    rsk: undefined,
    nextRsk: undefined,
    replicated: false,
  };
  const nodes: Uint8Array[] = [];
  const updated: Uint8Array[] = [];
  for (const node of input.nodes) {
    const next = joinedByNode(agreement, node, expected, input);
    if (next === undefined) continue;
    // Only nodes that have the next secret decide on the key that comes with it.
    agreement = { ...next, nextRsk: next.replicated ? next.nextRsk : agreement.nextRsk };
    nodes.push(node.id);
    if (next.replicated) updated.push(node.id);
  }
  const status: KeyManagerStatus = {
    id: input.runtime.id,
    isInitialized: agreement.isInitialized,
    isSecure: agreement.isSecure,
    generation: old.generation,
    rotationEpoch: old.rotationEpoch,
    checksum: old.checksum,
    nodes: nodes.length === 0 ? null : nodes,
    policy,
    rsk: agreement.rsk,
  };
  const accepted =
    nextChecksum !== null && nodes.length > 0 && updated.length * 100 >= MIN_REPLICATION_PERCENT * nodes.length;
  if (!accepted) return status;
  return {
    ...status,
    generation,
    rotationEpoch: epoch,
    checksum: nextChecksum,
    rsk: agreement.nextRsk,
    nodes: updated,
  };
}
