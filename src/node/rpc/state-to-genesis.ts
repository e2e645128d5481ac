import type { GenesisDocument } from "#consensus/genesis/document.js";
import { exportGenesis } from "#consensus/genesis/export.js";
import type { ChainView } from "./chain-view.js";

/** The document that starts a chain where this one stands (0 = latest). */
export function stateToGenesis(view: ChainView, requested: bigint): GenesisDocument {
  const height = view.height(requested);
  const { time } = view.block(height).header;
  return exportGenesis(view.state(height), { height, time, origin: view.genesis });
}
