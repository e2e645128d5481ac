/** Views for the client API at one height (vault: gRPC). */
import { decodeEvent } from "../../app/events.js";
import type { AbciEvent } from "../../transaction/results.js";
import {
  actionCanceled,
  actionExecuted,
  actionSubmitted,
  authorityUpdated,
  policyUpdated,
  stateChanged,
  type VaultEvent,
} from "./events.js";

export { exportGenesis as toGenesis } from "./genesis.js";
export { getParameters as consensusParameters } from "./params.js";
export {
  loadAddressState as addressState,
  loadVault as vault,
  pendingActionList as pendingActions,
  vaultList as vaults,
} from "./state.js";

/**
 * Reads a vault event out of a carrying event; undefined for events of others.
 * @param txHash hash of the transaction, the empty hash for events of the block itself
 */
export function event(carrier: AbciEvent, height: bigint, txHash: Uint8Array): VaultEvent | undefined {
  const found = {
    actionSubmitted: decodeEvent(actionSubmitted, carrier),
    actionCanceled: decodeEvent(actionCanceled, carrier),
    actionExecuted: decodeEvent(actionExecuted, carrier),
    stateChanged: decodeEvent(stateChanged, carrier),
    policyUpdated: decodeEvent(policyUpdated, carrier) ?? null,
    authorityUpdated: decodeEvent(authorityUpdated, carrier) ?? null,
  };
  const action = found.actionSubmitted ?? found.actionCanceled ?? found.actionExecuted;
  const any = action ?? found.stateChanged ?? found.policyUpdated ?? found.authorityUpdated;
  return any === null ? undefined : { height, txHash, ...found };
}
