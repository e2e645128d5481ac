import { Fault } from "#common/errors/index.js";
import type { GenesisInput } from "../app/genesis-input.js";
import type { BlockParams } from "../block/params.js";
import { chainContext, type GenesisDocument } from "./document.js";
import { genesisValidators } from "./validators.js";

/** Sections by the name of their service. */
function sections(document: GenesisDocument): ReadonlyMap<string, unknown> {
  const { beacon, staking, registry, scheduler, governance, vault, keymanager, roothash } = document;
  return new Map<string, unknown>(
    Object.entries({ beacon, staking, registry, scheduler, governance, vault, keymanager, roothash }),
  );
}

/** What the state machine takes from a genesis document. */
export function genesisInput(document: GenesisDocument): GenesisInput {
  const bySection = sections(document);
  return {
    height: document.height,
    time: document.genesisTime,
    chainContext: chainContext(document),
    baseEpoch: document.beacon.base,
    parameters: document.consensus.params,
    validators: genesisValidators(document),
    section(name) {
      if (!bySection.has(name)) throw new Fault(`genesis document has no section ${name}`);
      return bySection.get(name);
    },
  };
}

/** Block limits of the engine (consensus: CometBFT, genesis): no gas limit is -1 there. */
export function engineBlockParams(document: GenesisDocument): BlockParams {
  const { maxBlockSize, maxBlockGas } = document.consensus.params;
  return { maxBytes: maxBlockSize, maxGas: maxBlockGas === 0n ? -1n : maxBlockGas };
}
