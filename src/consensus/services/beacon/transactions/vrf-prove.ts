import { verifyProof } from "#common/crypto/vrf.js";
import { equalBytes } from "#common/bytes.js";
import { DecodeError, unknown } from "#common/errors/index.js";
import { raw } from "#common/schema/index.js";
import type { Context } from "../../../app/context.js";
import { defineTransaction, type TransactionMethod } from "../../../app/define-service.js";
import { GasCostTable } from "../../../app/parameters.js";
import { getNode } from "../../registry/state.js";
import { beaconErrors } from "../errors.js";
import { storedBeta } from "../block/entropy.js";
import { beaconParametersCell, GAS_OP_VRF_PROVE } from "../params.js";
import { vrfStateCell } from "../state.js";
import { BACKEND_VRF, VrfProve, type VrfState } from "../types.js";

function decodeBody(bytes: Uint8Array): VrfProve {
  try {
    // An absent body is the zero value, as for every method.
    return bytes.length === 0 ? VrfProve.zero() : VrfProve.decode(bytes);
  } catch (error) {
    if (error instanceof DecodeError) throw beaconErrors.invalidArgument(error.message);
    throw error;
  }
}

function submissionState(ctx: Context): VrfState {
  const state = vrfStateCell.get(ctx.state);
  if (state === undefined) throw unknown("beacon: no VRF state");
  if (ctx.height <= state.submitAfter) throw unknown("beacon: premature VRF proof");
  return state;
}

/** `beacon.VRFProve`: a node proves the alpha of the epoch (consensus: beacon, VRFProve). */
export const vrfProve: TransactionMethod = defineTransaction({
  method: "beacon.VRFProve",
  // The body is decoded only after the checks that come first, whose errors are others.
  body: raw,
  invalidBody: beaconErrors.invalidArgument,
  gasOp: null,
  inCheckTx: "run",
  inSimulation: "run",
  execute(ctx, body) {
    const params = beaconParametersCell.load(ctx.state);
    if (params.backend !== BACKEND_VRF) throw unknown("beacon: invalid method: beacon.VRFProve");
    ctx.gas.use(1n, GAS_OP_VRF_PROVE, params.vrfParameters?.gasCosts ?? GasCostTable.zero());
    if (ctx.isSimulation) return;
    const state = submissionState(ctx);
    const prover = getNode(ctx.state, ctx.signer);
    if (prover === undefined) throw unknown("beacon: tx not from a node");
    const { epoch, pi } = decodeBody(body);
    if (epoch !== state.epoch) throw unknown(`beacon: proof for invalid epoch: ${epoch}`);
    const publicKey = prover.vrf.id;
    const refused = pi.length !== 80 || ctx.env.policy.forbids(publicKey);
    const beta = refused ? null : verifyProof(publicKey, state.alpha, pi);
    if (beta === null) throw unknown("beacon: failed to verify beta");
    const earlier = state.pi.get(prover.id);
    if (earlier !== undefined && !equalBytes(storedBeta(earlier), beta)) {
      throw unknown("beacon: node attempted to submit a different proof");
    }
    if (ctx.isCheckTx) return;
    state.pi.set(prover.id, { publicKey, proof: pi });
    vrfStateCell.set(ctx.state, state);
  },
});
