import { addressFromPublicKey } from "#common/address.js";
import { equalBytes } from "#common/bytes.js";
import { KeyedSignature } from "#common/crypto/signed.js";
import { CodedError, DecodeError } from "#common/errors/index.js";
import { FRAME_BYTES, FRAME_ELEMENTS } from "#common/limits.js";
import { bytes, list, nullable, struct } from "#common/schema/index.js";
import { type Context, EPOCH_INVALID } from "../../../app/context.js";
import { defineTransaction } from "../../../app/define-service.js";
import { epochInState } from "../../../app/epoch.js";
import { isFeature261 } from "../../../app/parameters.js";
import { InvalidBlock } from "../../../app/system-tx.js";
import { parameters as stakingParameters } from "../../staking/params.js";
import { addStakeClaim, checkStakeClaims } from "../../staking/state/index.js";
import { registryErrors } from "../errors.js";
import { nodeEvent, runtimeResumed, runtimeStartedEvent } from "../events.js";
import { checkAdmission } from "../logic/admission.js";
import { type VerifiedNode, verifyNode } from "../logic/node-descriptor.js";
import { verifyNodeUpdate } from "../logic/node-update.js";
import { GAS_RUNTIME_EPOCH_MAINTENANCE, type RegistryParameters, registryParameters } from "../params.js";
import { getEntity, getNode, getNodeStatus, resumeRuntime, setNode, setNodeStatus } from "../state.js";
import { attestationRules } from "../types/attestation-rules.js";
import { governingAddress, nodeClaim, nodeThresholds } from "../types/claims.js";
import { isNodeExpired, Node } from "../types/node.js";
import type { Runtime } from "../types/runtime.js";
import type { MultiSignedNode } from "../types/signed.js";
import { NodeStatus } from "../types/status.js";

/** Reads the descriptor before any signature is checked, only to learn whose node it is. */
function peek(envelope: MultiSignedNode): Node {
  try {
    return Node.decode(envelope.untrustedRawValue);
  } catch (error) {
    if (error instanceof DecodeError) throw registryErrors.invalidArgument(error.message);
    throw error;
  }
}

function verify(ctx: Context, envelope: MultiSignedNode, params: RegistryParameters, epoch: bigint): VerifiedNode {
  const entity = getEntity(ctx.state, peek(envelope).entityId);
  if (entity === undefined) throw registryErrors.noSuchEntity();
  const feature261 = ctx.isInitChain || isFeature261(ctx.state);
  return verifyNode(envelope, entity, {
    params,
    epoch,
    state: ctx.state,
    policy: ctx.env.policy,
    genesis: ctx.isInitChain,
    attestation: attestationRules(ctx, feature261),
  });
}

/** Epochs that have to be paid for: those left of a running registration were paid before. */
function additionalEpochs(node: Node, existing: Node | undefined, epoch: bigint): bigint {
  const wanted = node.expiration > epoch ? node.expiration - epoch : 0n;
  if (existing === undefined || isNodeExpired(existing, epoch)) return wanted;
  const paid = existing.expiration - epoch;
  return wanted > paid ? wanted - paid : 0n;
}

/**
 * How often maintenance is charged: for each runtime and epoch. The reference counts in signed 64-bit numbers and cannot
 * execute a block in which the count is negative, so no block of a shared network may have one.
 */
function maintenanceUnits(ctx: Context, runtimes: readonly Runtime[], epochs: bigint): bigint {
  const units = BigInt.asIntN(64, BigInt(runtimes.length) * epochs);
  if (units >= 0n) return units;
  const reason = `maintenance of ${runtimes.length} runtimes for ${epochs} epochs overflows`;
  if (ctx.mode === "deliverTx") throw new InvalidBlock(reason);
  throw registryErrors.invalidArgument(reason);
}

function storeStatus(ctx: Context, node: Node, existing: Node | undefined, epoch: bigint): void {
  const status = existing === undefined ? undefined : getNodeStatus(ctx.state, node.id);
  if (existing !== undefined && status === undefined) throw registryErrors.invalidArgument("node without a status");
  // A renewal leaves the status alone, even when the VRF key is a new one.
  if (existing !== undefined && !isNodeExpired(existing, epoch)) return;
  setNodeStatus(ctx.state, node.id, {
    expirationProcessed: false,
    freezeEndTime: status?.freezeEndTime ?? 0n,
    electionEligibleAfter: EPOCH_INVALID,
    faults: status?.faults ?? NodeStatus.zero().faults,
  });
}

function coversItsClaims(ctx: Context, runtime: Runtime): boolean {
  const address = governingAddress(runtime);
  if (address === undefined) return true;
  try {
    checkStakeClaims(ctx, address);
    return true;
  } catch (error) {
    if (error instanceof CodedError) return false;
    throw error;
  }
}

function resumeRuntimes(ctx: Context, runtimes: readonly Runtime[], bypassStake: boolean): void {
  for (const runtime of runtimes) {
    // Without enough stake the runtime would be suspended again at the next epoch.
    if (!bypassStake && !coversItsClaims(ctx, runtime)) continue;
    if (!resumeRuntime(ctx.state, runtime.id)) continue;
    ctx.publish(runtimeResumed, runtime);
    ctx.emit(runtimeStartedEvent, { runtime });
  }
}

/** Registers a node or renews its registration (registry: RegisterNode). */
export function registerNode(ctx: Context, envelope: MultiSignedNode): void {
  const params = registryParameters.load(ctx.state);
  const epoch = epochInState(ctx);
  const { node, runtimes } = verify(ctx, envelope, params, epoch);
  if (!ctx.isInitChain && !equalBytes(ctx.signer, node.id)) throw registryErrors.incorrectTxSigner();
  for (const runtime of runtimes) checkAdmission({ node, runtime, epoch, state: ctx.state });
  if (!ctx.isInitChain && node.expiration <= epoch) throw registryErrors.nodeExpired();
  const existing = getNode(ctx.state, node.id);
  const units = maintenanceUnits(ctx, runtimes, additionalEpochs(node, existing, epoch));
  ctx.gas.use(units, GAS_RUNTIME_EPOCH_MAINTENANCE, params.gasCosts);
  ctx.transaction((child) => {
    const bypassStake = stakingParameters.load(child.state).debugBypassStake;
    if (!bypassStake) {
      addStakeClaim(child, addressFromPublicKey(node.entityId), nodeClaim(node.id), nodeThresholds(node, runtimes));
    }
    if (existing !== undefined) verifyNodeUpdate(existing, node, child.state, epoch);
    setNode(child.state, existing, node, envelope);
    storeStatus(child, node, existing, epoch);
    resumeRuntimes(child, runtimes, bypassStake);
    child.emit(nodeEvent, { node, isRegistration: true });
  });
}

/** The envelope as it is sent: a blob that is missing is not an empty one. */
class NodeRegistration extends struct("MultiSignedNode", {
  untrustedRawValue: nullable(bytes({ max: FRAME_BYTES })),
  signatures: nullable(list(KeyedSignature, { max: FRAME_ELEMENTS })),
}) {}

/** `registry.RegisterNode`: not looked at before the block; the estimation of gas runs everything. */
export const registerNodeTransaction = defineTransaction({
  method: "registry.RegisterNode",
  body: NodeRegistration,
  invalidBody: registryErrors.invalidArgument,
  gasOp: null,
  inCheckTx: "accept",
  inSimulation: "run",
  execute(ctx, { untrustedRawValue, signatures }) {
    // The reference reads a missing blob as a node without an owner, and finds no such entity.
    if (untrustedRawValue === null) throw registryErrors.noSuchEntity();
    registerNode(ctx, { untrustedRawValue, signatures });
  },
});
