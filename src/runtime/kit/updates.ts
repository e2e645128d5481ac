/** What the node tells a runtime between its batches (runtime host protocol: push updates). */
import { CodedError, DecodeError, unknown } from "#common/errors/index.js";
import type { Schema } from "#common/schema/index.js";
import { QuotePolicy } from "#common/tee/quote-policy.js";
import { KeyManagerStatus } from "#consensus/services/keymanager/types/secrets.js";
import { activeDeployment } from "#consensus/services/registry/types/deployments.js";
import type { Runtime } from "#consensus/services/registry/types/runtime.js";
import { SgxConstraints, TEE_INTEL_SGX } from "#consensus/services/registry/types/tee.js";
import { dispatcherErrors } from "../rhp/errors.js";
import type { ConsensusClient } from "./consensus-client.js";
import type { ConsensusState } from "./consensus-state.js";
import type { LocalContext } from "./local.js";

/**
 * What a runtime wants to be told. All of it runs between batches and is known to this node alone: nothing of it may find
 * its way into a batch.
 */
export interface Observers {
  /** The runtime's key manager has another status. It is what the consensus layer says: others are refused before. */
  readonly keyManagerStatus?: (ctx: LocalContext, status: KeyManagerStatus) => void;
  /** What quotes of the key manager's enclaves have to show; as the consensus layer says. */
  readonly keyManagerQuotePolicy?: (ctx: LocalContext, policy: QuotePolicy) => void;
  /** The chain has come to this height. Not each height is told, only the newest. */
  readonly consensusBlock?: (ctx: LocalContext, height: bigint) => void;
}

function decodeUpdate<T>(schema: Schema<T>, encoded: Uint8Array): T {
  try {
    return schema.decode(encoded, "rpc");
  } catch (error) {
    if (error instanceof DecodeError) throw dispatcherErrors.malformedRequest(error.message);
    throw error;
  }
}

/** What the consensus layer says; why it says nothing is told as by runtimes in Rust. */
function published<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof CodedError) throw unknown(error.message);
    throw error;
  }
}

function descriptorOf(state: ConsensusState, runtimeId: Uint8Array): Runtime {
  const runtime = state.anyRuntime(runtimeId);
  if (runtime === undefined) throw unknown("missing runtime descriptor");
  return runtime;
}

function keyManagerOf(state: ConsensusState, runtimeId: Uint8Array): Uint8Array {
  const { keyManager } = descriptorOf(state, runtimeId);
  if (keyManager === undefined) throw unknown("runtime doesn't use key manager");
  return keyManager;
}

function policyOf(state: ConsensusState, keyManager: Uint8Array): QuotePolicy {
  const runtime = descriptorOf(state, keyManager);
  const deployment = activeDeployment(runtime, state.epoch);
  if (deployment === undefined) throw unknown("no corresponding runtime deployment");
  if (runtime.teeHardware !== TEE_INTEL_SGX) throw unknown("configured runtime hardware mismatch");
  try {
    return SgxConstraints.decode(deployment.tee ?? new Uint8Array(0)).policy ?? QuotePolicy.zero();
  } catch (error) {
    if (error instanceof DecodeError) throw unknown("bad TEE constraints");
    throw error;
  }
}

/**
 * Takes a status of the runtime's key manager.
 *
 * @throws CodedError when it is not what the consensus layer says
 */
export function takeStatus(consensus: ConsensusClient, runtimeId: Uint8Array, encoded: Uint8Array): KeyManagerStatus {
  const told = decodeUpdate(KeyManagerStatus, encoded);
  const status = published(() => {
    const state = consensus.latestState;
    return state.keyManagerStatus(keyManagerOf(state, runtimeId));
  });
  if (status === undefined) throw unknown("status hasn't been published");
  if (!KeyManagerStatus.equals(told, status)) throw unknown("status mismatch");
  return status;
}

/**
 * Takes a quote policy of the runtime's key manager.
 *
 * @throws CodedError when it is not what the consensus layer says
 */
export function takeQuotePolicy(consensus: ConsensusClient, runtimeId: Uint8Array, encoded: Uint8Array): QuotePolicy {
  const told = decodeUpdate(QuotePolicy, encoded);
  const policy = published(() => {
    const state = consensus.latestState;
    return policyOf(state, keyManagerOf(state, runtimeId));
  });
  if (!QuotePolicy.equals(told, policy)) throw unknown("policy mismatch");
  return policy;
}
