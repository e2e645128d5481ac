/** What each known upgrade does to the state (upgrade: handlers). */
import { addressFromPublicKey } from "#common/address.js";
import { MemorySigner } from "#common/crypto/signature.js";
import { SortedMap } from "#common/sorted-map.js";
import type { Context } from "../../../app/context.js";
import { type ConsensusParameters, consensusParametersCell, FEATURES_26_1 } from "../../../app/parameters.js";
import { parameters as governanceParameters } from "../../governance/params.js";
import { churpParameters, defaultChurpParameters } from "../../keymanager/params.js";
import { registryParameters } from "../../registry/params.js";
import { entities } from "../../registry/state.js";
import { ENTITY_CLAIM } from "../../registry/types/claims.js";
import { ENTITY_VERSION } from "../../registry/types/entity.js";
import { SignedEntity } from "../../registry/types/signed.js";
import { parameters as stakingParameters } from "../../staking/params.js";
import { setAccount } from "../../staking/state/index.js";
import { Account, globalThreshold, type StakeThreshold } from "../../staking/types/account.js";
import { THRESHOLD_ENTITY, THRESHOLD_KEY_MANAGER_CHURP } from "../../staking/types/thresholds.js";
import {
  defaultParameters as defaultVaultParameters,
  setParameters as setVaultParameters,
} from "../../vault/params.js";

/** An upgrade as its handler carries it out, in the first block of its epoch. */
export interface UpgradeHandler {
  readonly name: string;
  /** Whether the node has to be restarted before the upgrade. */
  readonly hasStartupStage: boolean;
  readonly beginBlock?: (ctx: Context) => void;
  readonly endBlock?: (ctx: Context) => void;
}

const MAX_TX_SIZE_240 = 131_072n;
const MAX_BLOCK_SIZE_240 = 4_194_304n;
const MAX_BLOCK_GAS_240 = 5_000_000n;
const CHURP_STAKE_240 = 10_000_000_000_000n;
const TEST_ENTITY_NAME = "__e2e-test-migration-entity";

function changeConsensus(ctx: Context, change: (params: ConsensusParameters) => Partial<ConsensusParameters>): void {
  const params = consensusParametersCell.load(ctx.state);
  consensusParametersCell.set(ctx.state, { ...params, ...change(params) });
}

/** Larger transactions and blocks, CHURP, vaults, votes without an entity. */
const consensus240: UpgradeHandler = {
  name: "consensus240",
  hasStartupStage: false,
  endBlock(ctx) {
    const { state } = ctx;
    changeConsensus(ctx, () => ({
      maxTxSize: MAX_TX_SIZE_240,
      maxBlockSize: MAX_BLOCK_SIZE_240,
      maxBlockGas: MAX_BLOCK_GAS_240,
    }));
    registryParameters.set(state, { ...registryParameters.load(state), enableKeyManagerChurp: true });
    churpParameters.set(state, defaultChurpParameters());
    const staking = stakingParameters.load(state);
    const thresholds = staking.thresholds.clone().set(THRESHOLD_KEY_MANAGER_CHURP, CHURP_STAKE_240);
    stakingParameters.set(state, { ...staking, thresholds });
    const governance = governanceParameters.load(state);
    governanceParameters.set(state, { ...governance, allowVoteWithoutEntity: true, allowProposalMetadata: true });
    setVaultParameters(state, defaultVaultParameters());
  },
};

/** The rules of 26.1. */
const consensus261: UpgradeHandler = {
  name: "consensus261",
  hasStartupStage: false,
  endBlock: (ctx) => changeConsensus(ctx, () => ({ featureVersion: FEATURES_26_1 })),
};

/**
 * Runtimes may have storage committees from now on, an extension of v26.1 (registry: storage committees). Nodes of v26.1
 * do not know the upgrade and stop before it, as they should: they could not follow the chain.
 */
const storageCommittees: UpgradeHandler = {
  name: "storage-committees",
  hasStartupStage: false,
  endBlock({ state }) {
    registryParameters.set(state, { ...registryParameters.load(state), enableStorageCommittees: true });
  },
};

/** Only the program changes. */
const empty: UpgradeHandler = { name: "empty", hasStartupStage: false };

/** An upgrade for tests of networks: an entity that everybody can look for, and a parameter. */
const test: UpgradeHandler = {
  name: "__e2e-test-valid",
  hasStartupStage: true,
  beginBlock(ctx) {
    const signer = MemorySigner.fromTestName(TEST_ENTITY_NAME);
    const descriptor = { v: ENTITY_VERSION, id: signer.publicKey, nodes: [] };
    const { chainContext } = ctx.env;
    entities.set(ctx.state, [descriptor.id], SignedEntity.sign(signer, descriptor, { chainContext }));
    const account = Account.zero();
    const claims = SortedMap.text<StakeThreshold[] | null>();
    claims.set(ENTITY_CLAIM, [globalThreshold(THRESHOLD_ENTITY)]);
    account.escrow.stakeAccumulator = { claims };
    setAccount(ctx.state, addressFromPublicKey(descriptor.id), account);
  },
  endBlock: (ctx) => changeConsensus(ctx, ({ maxTxSize }) => ({ maxTxSize: maxTxSize + 1n })),
};

const HANDLERS: readonly UpgradeHandler[] = [consensus240, consensus261, storageCommittees, empty, test];

/** The handler of a name; undefined when this program has none. */
export function upgradeHandler(name: string): UpgradeHandler | undefined {
  return HANDLERS.find((handler) => handler.name === name);
}
