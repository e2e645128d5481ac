import type { Timestamp } from "#common/schema/index.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import { consensusParametersCell } from "../app/parameters.js";
import { toGenesis as beacon } from "../services/beacon/queries.js";
import { toGenesis as governance } from "../services/governance/queries.js";
import { toGenesis as keymanager } from "../services/keymanager/queries.js";
import { toGenesis as registry } from "../services/registry/queries.js";
import { toGenesis as roothash } from "../services/roothash/queries.js";
import { toGenesis as scheduler } from "../services/scheduler/queries.js";
import { toGenesis as staking } from "../services/staking/queries.js";
import { toGenesis as vault } from "../services/vault/queries.js";
import type { GenesisDocument } from "./document.js";

/** What a document says that is not in the state. */
export interface ExportScope {
  /** Height of the state. */
  readonly height: bigint;
  /** Time of the block of that height. */
  readonly time: Timestamp;
  /** The document that the chain was started with. */
  readonly origin: GenesisDocument;
}

/** The document that starts a chain with the state of a height (consensus: genesis document, export). */
export function exportGenesis(state: KeyValueReader, { height, time, origin }: ExportScope): GenesisDocument {
  const balances = staking(state);
  // The token's name is a parameter where the chain has one, else it stays what the first document says.
  const tokenSymbol = balances.parameters.tokenSymbol || origin.staking.tokenSymbol;
  const tokenValueExponent = balances.parameters.tokenValueExponent || origin.staking.tokenValueExponent;
  return {
    height,
    genesisTime: time,
    chainId: origin.chainId,
    registry: registry(state),
    roothash: roothash(state),
    staking: { ...balances, tokenSymbol, tokenValueExponent },
    keymanager: keymanager(state),
    scheduler: scheduler(state),
    beacon: beacon(state),
    governance: governance(state),
    vault: vault(state),
    consensus: { backend: origin.consensus.backend, params: consensusParametersCell.load(state) },
    extraData: null,
  };
}
