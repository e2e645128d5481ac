import { follow, type Handlers } from "#common/rpc/index.js";
import * as queries from "#consensus/services/vault/queries.js";
import type { vaultMethods } from "#consensus/services/vault/rpc.js";
import { type ChainView, readEvents } from "./chain-view.js";
import { orNull } from "./or-null.js";

/** Methods of vaults. */
export function vaultHandlers(view: ChainView): Handlers<(typeof vaultMethods)["methods"]> {
  return {
    Vaults: (height) => orNull(queries.vaults(view.state(height))),
    Vault: ({ height, address }) => queries.vault(view.state(height), address),
    AddressState: ({ height, vault, address }) => queries.addressState(view.state(height), vault, address),
    PendingActions: ({ height, address }) => orNull(queries.pendingActions(view.state(height), address)),
    StateToGenesis: (height) => queries.toGenesis(view.state(height)),
    ConsensusParameters: (height) => queries.consensusParameters(view.state(height)),
    GetEvents: (height) => view.events(height, queries.event),
    WatchEvents: (_, call) => follow(call, view.follow(), (block) => readEvents(block, queries.event)),
  };
}
