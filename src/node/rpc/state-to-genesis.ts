import { consensusParametersCell } from "#consensus/app/parameters.js";
import type { GenesisDocument } from "#consensus/genesis/document.js";
import * as beacon from "#consensus/services/beacon/queries.js";
import * as governance from "#consensus/services/governance/queries.js";
import * as keymanager from "#consensus/services/keymanager/queries.js";
import * as registry from "#consensus/services/registry/queries.js";
import * as roothash from "#consensus/services/roothash/queries.js";
import * as scheduler from "#consensus/services/scheduler/queries.js";
import * as vault from "#consensus/services/vault/queries.js";
import type { StakingGenesis } from "#consensus/services/staking/types/index.js";
import type { ChainView } from "./chain-view.js";
import { stakingGenesis } from "./staking.js";

/** The document that starts a chain where this one stands (0 = latest). */
export function stateToGenesis(view: ChainView, requested: bigint): GenesisDocument {
  const height = view.height(requested);
  const { header } = view.block(height);
  const state = view.state(height);
  const { chainId, consensus } = view.genesis;
  const staking: StakingGenesis = stakingGenesis(view, height);
  return {
    height,
    genesisTime: header.time,
    chainId,
    registry: registry.toGenesis(state),
    roothash: roothash.toGenesis(state),
    staking,
    keymanager: keymanager.toGenesis(state),
    scheduler: scheduler.toGenesis(state),
    beacon: beacon.toGenesis(state),
    governance: governance.toGenesis(state),
    vault: vault.toGenesis(state),
    consensus: { backend: consensus.backend, params: consensusParametersCell.load(state) },
    extraData: null,
  };
}
