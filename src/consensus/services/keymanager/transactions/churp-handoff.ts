import { equalBytes } from "#common/bytes.js";
import { type SignatureContext, verify } from "#common/crypto/signature.js";
import { unknown } from "#common/errors/index.js";
import { hasRoles, ROLE_KEY_MANAGER } from "#common/node-roles.js";
import type { Context } from "../../../app/context.js";
import { defineTransaction } from "../../../app/define-service.js";
import { currentEpoch } from "../../../app/epoch.js";
import { consensusErrors } from "../../../transaction/errors.js";
import { loadNode } from "../../registry/state.js";
import { isNodeExpired } from "../../registry/types/node.js";
import type { Runtime } from "../../registry/types/runtime.js";
import { churpUpdateEvent } from "../events.js";
import { finalizedHandoff } from "../logic/handoff.js";
import { attestationKey, keyManagerEntry } from "../logic/keys.js";
import { churpGasCosts, GAS_CHURP_APPLY, GAS_CHURP_CONFIRM } from "../params.js";
import { getChurpStatus, loadKeyManager, setChurpStatus } from "../state.js";
import {
  APPLICATION_CONTEXT,
  ChurpRequest,
  type ChurpStatus,
  CONFIRMATION_CONTEXT,
  SignedApplication,
  SignedConfirmation,
} from "../types/churp.js";

function loadEnabled(ctx: Context, { id, runtimeId }: ChurpRequest): ChurpStatus {
  const status = getChurpStatus(ctx.state, runtimeId, id);
  if (status === undefined) throw unknown(`keymanager: churp: non-existing ID: ${id}`);
  if (status.handoffInterval === 0n) throw unknown("keymanager: churp: handoffs disabled");
  return status;
}

/** Whether a request comes in the epoch in which such requests are taken, and for the handoff that comes next. */
function checkEpoch(status: ChurpStatus, request: ChurpRequest, open: bigint): void {
  if (status.nextHandoff !== open) throw unknown("keymanager: churp: submissions closed");
  if (status.nextHandoff !== request.epoch) throw unknown("keymanager: churp: invalid handoff");
}

interface SignedRequest {
  readonly request: ChurpRequest;
  readonly signature: Uint8Array;
  readonly context: SignatureContext;
}

/** Checks that the signer is a key manager node and that its enclave signed. */
function checkEnclave(ctx: Context, runtime: Runtime, signed: SignedRequest): void {
  const node = loadNode(ctx.state, ctx.signer);
  if (isNodeExpired(node, currentEpoch(ctx))) throw unknown("keymanager: churp: node registration expired");
  if (!hasRoles(node.roles, ROLE_KEY_MANAGER)) throw unknown("keymanager: churp: node not key manager");
  const rak = attestationKey(keyManagerEntry(node, runtime.id), runtime);
  const { policy } = ctx.env;
  const ok = verify(rak, signed.context, ChurpRequest.encode(signed.request), signed.signature, { policy });
  if (!ok) throw unknown("keymanager: churp: RAK signature verification failed");
}

function store(ctx: Context, status: ChurpStatus): void {
  if (ctx.isCheckTx) return;
  setChurpStatus(ctx.state, status);
  ctx.emit(churpUpdateEvent, { status });
}

/** `keymanager/churp.Apply`: a node wants to be in the committee of the handoff that begins with the next epoch. */
export const churpApplyTransaction = defineTransaction({
  method: "keymanager/churp.Apply",
  body: SignedApplication,
  invalidBody: consensusErrors.invalidArgument,
  gasOp: GAS_CHURP_APPLY,
  gasCosts: churpGasCosts,
  inCheckTx: "run",
  execute(ctx, { application: request, signature }) {
    const runtime = loadKeyManager(ctx.state, request.runtimeId);
    const status = loadEnabled(ctx, request);
    checkEpoch(status, request, BigInt.asUintN(64, currentEpoch(ctx) + 1n));
    // A second application could change the verification matrix that others rely on.
    if (status.applications.has(ctx.signer)) throw unknown("keymanager: churp: application already submitted");
    checkEnclave(ctx, runtime, { request, signature, context: APPLICATION_CONTEXT });
    const applications = status.applications.clone();
    applications.set(ctx.signer, { checksum: request.checksum, reconstructed: false });
    store(ctx, { ...status, applications });
  },
});

/** `keymanager/churp.Confirm`: an applicant has its share; with the last confirmation the handoff is complete. */
export const churpConfirmTransaction = defineTransaction({
  method: "keymanager/churp.Confirm",
  body: SignedConfirmation,
  invalidBody: consensusErrors.invalidArgument,
  gasOp: GAS_CHURP_CONFIRM,
  gasCosts: churpGasCosts,
  inCheckTx: "run",
  execute(ctx, { confirmation: request, signature }) {
    const runtime = loadKeyManager(ctx.state, request.runtimeId);
    const status = loadEnabled(ctx, request);
    checkEpoch(status, request, currentEpoch(ctx));
    const application = status.applications.get(ctx.signer);
    if (application === undefined) throw unknown("keymanager: churp: application not found");
    if (application.reconstructed) throw unknown("keymanager: churp: confirmation already submitted");
    // The first node to confirm decides what the others must have.
    const nextChecksum = status.nextChecksum ?? request.checksum;
    if (!equalBytes(request.checksum, nextChecksum)) throw unknown("keymanager: churp: checksum mismatch");
    checkEnclave(ctx, runtime, { request, signature, context: CONFIRMATION_CONTEXT });
    const applications = status.applications.clone();
    applications.set(ctx.signer, { checksum: application.checksum, reconstructed: true });
    const confirmed = { ...status, nextChecksum, applications };
    store(ctx, finalizedHandoff(confirmed, false) ?? confirmed);
  },
});
