import { Fault } from "#common/errors/index.js";
import type { GenesisInput } from "../app/genesis-input.js";
import type { BlockParams } from "../block/params.js";
import { chainContext, type GenesisDocument } from "./document.js";
import { genesisValidators } from "./validators.js";

/** Finds sections of a document by the name of their service. */
export function sectionsOf(document: GenesisDocument): (name: string) => unknown {
  const { beacon, staking, registry, scheduler, governance, vault, keymanager, roothash } = document;
  const named = { beacon, staking, registry, scheduler, governance, vault, keymanager, roothash };
  const sections = new Map<string, unknown>(Object.entries(named));
  return (name) => {
    if (!sections.has(name)) throw new Fault(`genesis document has no section ${name}`);
    return sections.get(name);
  };
}

/** What the state machine takes from a genesis document. */
export function genesisInput(document: GenesisDocument): GenesisInput {
  return {
    height: document.height,
    time: document.genesisTime,
    chainContext: chainContext(document),
    baseEpoch: document.beacon.base,
    parameters: document.consensus.params,
    validators: genesisValidators(document),
    section: sectionsOf(document),
  };
}

/** Block limits of the engine (consensus: CometBFT, genesis): no gas limit is -1 there. */
export function engineBlockParams(document: GenesisDocument): BlockParams {
  const { maxBlockSize, maxBlockGas } = document.consensus.params;
  return { maxBytes: maxBlockSize, maxGas: maxBlockGas === 0n ? -1n : maxBlockGas };
}
