/** Parameters, gas operations and what governance may change of them (vault: parameters). */
import { unknown } from "#common/errors/index.js";
import { bool, nullable, omitEmpty, optional, struct, u8 } from "#common/schema/index.js";
import type { KeyValueReader, KeyValueStore } from "#mkvs/key-value.js";
import type { Context } from "../../app/context.js";
import { GasCostTable } from "../../app/parameters.js";
import { sharedCell } from "../../app/table.js";
import type { GasCosts } from "../../transaction/gas.js";

export const GAS_CREATE = "create";
export const GAS_AUTHORIZE_ACTION = "authorize_action";
export const GAS_CANCEL_ACTION = "cancel_action";

export class VaultParameters extends struct("VaultParameters", {
  enabled: omitEmpty(bool),
  maxAuthorityAddresses: omitEmpty(u8),
  gasCosts: omitEmpty(GasCostTable),
}) {}

/** What governance may change; null or undefined leaves a parameter as it is. */
export class VaultParameterChanges extends struct("VaultParameterChanges", {
  maxAuthorityAddresses: optional(u8),
  gasCosts: omitEmpty(nullable(GasCostTable)),
}) {}

const DEFAULT_COSTS: readonly (readonly [string, bigint])[] = [
  [GAS_CREATE, 10_000n],
  [GAS_AUTHORIZE_ACTION, 5000n],
  [GAS_CANCEL_ACTION, 5000n],
];

/** What the upgrade that introduces vaults starts them with. */
export function defaultParameters(): VaultParameters {
  const costs = GasCostTable.zero();
  for (const [operation, price] of DEFAULT_COSTS) costs.set(operation, price);
  return { enabled: true, maxAuthorityAddresses: 32, gasCosts: costs };
}

const parametersCell = sharedCell(0x33, VaultParameters);

/** The parameters; a chain whose genesis has none runs without vaults. */
export function getParameters(state: KeyValueReader): VaultParameters {
  return parametersCell.get(state) ?? VaultParameters.zero();
}

export function setParameters(state: KeyValueStore, params: VaultParameters): void {
  parametersCell.set(state, params);
}

/** Gas prices in the current state. */
export function gasCosts(ctx: Context): GasCosts {
  return getParameters(ctx.state).gasCosts;
}

/** The parameters with the changes of a proposal. */
export function applyChanges(params: VaultParameters, changes: VaultParameterChanges): VaultParameters {
  return {
    ...params,
    maxAuthorityAddresses: changes.maxAuthorityAddresses ?? params.maxAuthorityAddresses,
    gasCosts: changes.gasCosts ?? params.gasCosts,
  };
}

/** Throws (plain) for parameters that no network may have. */
export function checkParameters(params: VaultParameters): void {
  if (params.enabled && params.maxAuthorityAddresses === 0) {
    throw unknown("maximum number of authority addresses should be greater than zero");
  }
}

/** Throws (plain) for a proposal that changes nothing. */
export function checkChanges(changes: VaultParameterChanges): void {
  if (changes.maxAuthorityAddresses === undefined && changes.gasCosts === null) {
    throw unknown("consensus parameter changes should not be empty");
  }
}
