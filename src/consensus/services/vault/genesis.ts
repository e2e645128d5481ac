/** The service's section of the genesis document; a document without it starts a chain without vaults. */
import { SortedMap } from "#common/sorted-map.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import type { Context } from "../../app/context.js";
import type { GenesisHooks } from "../../app/define-service.js";
import { checkParameters, getParameters, setParameters } from "./params.js";
import { addressStatesOf, pendingActionList, setAddressState, setPendingAction, setVault, vaultList } from "./state.js";
import { type AddressState, type PendingAction, vaultAddress, type VaultGenesis } from "./types.js";

function initChain({ state }: Context, genesis: VaultGenesis | undefined): void {
  if (genesis === undefined) return;
  setParameters(state, genesis.params);
  for (const vault of genesis.vaults) setVault(state, vault);
  for (const [vault, states] of genesis.states) {
    for (const [address, found] of states) setAddressState(state, vault, address, found);
  }
  for (const [vault, actions] of genesis.pendingActions) {
    for (const action of actions) setPendingAction(state, vault, action);
  }
}

/** The section that starts a chain with the same vaults. */
export function exportGenesis(state: KeyValueReader): VaultGenesis {
  const vaults = vaultList(state);
  const states = SortedMap.bytes<SortedMap<Uint8Array, AddressState>>();
  const pendingActions = SortedMap.bytes<PendingAction[]>();
  for (const address of vaults.map(vaultAddress)) {
    const addresses = addressStatesOf(state, address);
    if (addresses.size > 0) states.set(address, addresses);
    const actions = pendingActionList(state, address);
    if (actions.length > 0) pendingActions.set(address, actions);
  }
  return { params: getParameters(state), vaults, states, pendingActions };
}

export const genesis: GenesisHooks<VaultGenesis | undefined> = {
  check(section, document) {
    if (section !== undefined) document.attempt("params", () => checkParameters(section.params));
  },
  initChain,
  toGenesis: (ctx) => exportGenesis(ctx.state),
};
