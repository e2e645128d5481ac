/** What the known upgrades change, in EndBlock of their first block (upgrade: handlers). */
import type { Context } from "../../../app/context.js";
import { consensusParametersCell, FEATURES_26_1 } from "../../../app/parameters.js";
import { parameters as governanceParameters } from "../../governance/params.js";
import { churpParameters, defaultChurpParameters } from "../../keymanager/params.js";
import { registryParameters } from "../../registry/params.js";
import { parameters as stakingParameters } from "../../staking/params.js";
import { THRESHOLD_KEY_MANAGER_CHURP } from "../../staking/types/index.js";
import { defaultParameters, setParameters as setVaultParameters } from "../../vault/params.js";

type Handler = (ctx: Context) => void;

const MAX_TX_SIZE = 131_072n;
const MAX_BLOCK_SIZE = 4_194_304n;
const MAX_BLOCK_GAS = 5_000_000n;
const CHURP_THRESHOLD = 10_000_000_000_000n;

/** Larger transactions and blocks, CHURP, vaults, votes without an entity, proposals with metadata. */
function consensus240({ state }: Context): void {
  consensusParametersCell.set(state, {
    ...consensusParametersCell.load(state),
    maxTxSize: MAX_TX_SIZE,
    maxBlockSize: MAX_BLOCK_SIZE,
    maxBlockGas: MAX_BLOCK_GAS,
  });
  registryParameters.set(state, { ...registryParameters.load(state), enableKeyManagerChurp: true });
  churpParameters.set(state, defaultChurpParameters());
  const staking = stakingParameters.load(state);
  staking.thresholds.set(THRESHOLD_KEY_MANAGER_CHURP, CHURP_THRESHOLD);
  stakingParameters.set(state, staking);
  const governance = governanceParameters.load(state);
  governanceParameters.set(state, { ...governance, allowVoteWithoutEntity: true, allowProposalMetadata: true });
  setVaultParameters(state, defaultParameters());
}

/** The rules of 26.1. */
function consensus261({ state }: Context): void {
  consensusParametersCell.set(state, { ...consensusParametersCell.load(state), featureVersion: FEATURES_26_1 });
}

/** The handler of an upgrade; undefined for one that this implementation does not know. */
export function handlerOf(name: string): Handler | undefined {
  switch (name) {
    case "consensus240":
      return consensus240;
    case "consensus261":
      return consensus261;
    case "empty":
      return () => undefined;
    default:
      return undefined;
  }
}
