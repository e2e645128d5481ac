import { FRAME_ELEMENTS } from "#common/limits.js";
import { list, nullable, omitEmpty, optional, struct } from "#common/schema/index.js";
import type { Context } from "../../app/context.js";
import { GasCostTable } from "../../app/parameters.js";
import { sharedCell } from "../../app/table.js";
import type { GasCosts } from "../../transaction/gas.js";
import { ChurpStatus } from "./types/churp.js";
import { KeyManagerStatus } from "./types/secrets.js";

export const GAS_UPDATE_POLICY = "update_policy";
export const GAS_PUBLISH_MASTER_SECRET = "publish_master_secret";
export const GAS_PUBLISH_EPHEMERAL_SECRET = "publish_ephemeral_secret";
export const GAS_CHURP_CREATE = "create";
export const GAS_CHURP_UPDATE = "update";
export const GAS_CHURP_APPLY = "apply";
export const GAS_CHURP_CONFIRM = "confirm";

const CHURP_DEFAULT_COST = 1000n;

export class KeyManagerParameters extends struct("KeyManagerParameters", { gasCosts: omitEmpty(GasCostTable) }) {}

export class ChurpParameters extends struct("ChurpParameters", { gasCosts: omitEmpty(GasCostTable) }) {}

export class ChurpGenesis extends struct("ChurpGenesis", {
  params: ChurpParameters,
  statuses: omitEmpty(list(nullable(ChurpStatus), { max: FRAME_ELEMENTS })),
}) {}

/** Section `keymanager` of the genesis document. */
export class KeyManagerGenesis extends struct("KeyManagerGenesis", {
  params: KeyManagerParameters,
  statuses: omitEmpty(list(nullable(KeyManagerStatus), { max: FRAME_ELEMENTS })),
  churp: optional(ChurpGenesis),
}) {}

export const keyManagerParameters = sharedCell(0x71, KeyManagerParameters);
/** Absent on chains whose genesis knows nothing of CHURP. */
export const churpParameters = sharedCell(0x74, ChurpParameters);

/** Gas prices of secrets in the current state. */
export function gasCosts(ctx: Context): GasCosts {
  return keyManagerParameters.load(ctx.state).gasCosts;
}

/** Gas prices of CHURP in the current state. */
export function churpGasCosts(ctx: Context): GasCosts {
  return churpParameters.get(ctx.state)?.gasCosts ?? GasCostTable.zero();
}

/** The parameters that a genesis with CHURP starts with, whatever it says itself. */
export function defaultChurpParameters(): ChurpParameters {
  const costs = GasCostTable.zero();
  for (const operation of [GAS_CHURP_CREATE, GAS_CHURP_UPDATE, GAS_CHURP_APPLY, GAS_CHURP_CONFIRM]) {
    costs.set(operation, CHURP_DEFAULT_COST);
  }
  return { gasCosts: costs };
}
