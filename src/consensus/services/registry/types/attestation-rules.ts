import type { Context } from "../../../app/context.js";
import { registryParameters } from "../params.js";
import type { AttestationRules } from "./attestation.js";

/** What attestations are judged by in the current block. */
export function attestationRules(ctx: Context, feature261: boolean): AttestationRules {
  const features = registryParameters.load(ctx.state).teeFeatures;
  const { debug, policy } = ctx.env;
  return { features, now: ctx.now, height: ctx.lastHeight, feature261, debug, policy };
}
