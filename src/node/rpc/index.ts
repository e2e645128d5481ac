import { RpcHandler } from "#common/rpc/index.js";
import { consensusMethods } from "#consensus/rpc.js";
import { beaconMethods } from "#consensus/services/beacon/rpc.js";
import { governanceMethods } from "#consensus/services/governance/rpc.js";
import { churpMethods, keyManagerMethods, keyManagerSecretsMethods } from "#consensus/services/keymanager/rpc.js";
import { registryMethods } from "#consensus/services/registry/rpc.js";
import { rootHashMethods } from "#consensus/services/roothash/rpc.js";
import { schedulerMethods } from "#consensus/services/scheduler/rpc.js";
import { stakingMethods } from "#consensus/services/staking/rpc.js";
import { vaultMethods } from "#consensus/services/vault/rpc.js";
import { runtimeClientMethods } from "#worker/client/rpc.js";
import { storageMethods, storageWorkerMethods } from "#worker/storage/rpc.js";
import { beaconHandlers } from "./beacon.js";
import { ChainView } from "./chain-view.js";
import { consensusHandlers } from "./consensus.js";
import { controlHandlers } from "./control.js";
import { debugControllerMethods, nodeControllerMethods } from "./control-methods.js";
import { debugHandlers } from "./debug.js";
import { governanceHandlers } from "./governance.js";
import { churpHandlers, secretsHandlers } from "./keymanager.js";
import type { HandlerOptions } from "./options.js";
import { registryHandlers } from "./registry.js";
import { rootHashHandlers } from "./roothash.js";
import { runtimeClientHandlers } from "./runtime-client.js";
import { schedulerHandlers } from "./scheduler.js";
import { stakingHandlers } from "./staking.js";
import { storageHandlers, storageWorkerHandlers } from "./storage.js";
import { vaultHandlers } from "./vault.js";

export type { HandlerOptions } from "./options.js";

/**
 * The whole client API of a node, for every transport. What a method answers is read when it is called; streams are
 * fed by the backend's blocks and never hold them up.
 */
export function buildHandler(options: HandlerOptions): RpcHandler {
  const { backend, genesis, node } = options;
  const view = new ChainView(backend, genesis);
  const secrets = secretsHandlers(view);
  return new RpcHandler()
    .add(consensusMethods, consensusHandlers(view, node.identity.consensus.publicKey))
    .add(beaconMethods, beaconHandlers(view))
    .add(stakingMethods, stakingHandlers(view))
    .add(registryMethods, registryHandlers(view))
    .add(schedulerMethods, schedulerHandlers(view))
    .add(rootHashMethods, rootHashHandlers(view))
    .add(governanceMethods, governanceHandlers(view))
    .add(vaultMethods, vaultHandlers(view))
    .add(keyManagerSecretsMethods, secrets)
    .add(keyManagerMethods, secrets)
    .add(churpMethods, churpHandlers(view))
    .add(runtimeClientMethods, runtimeClientHandlers(view, node))
    .add(storageMethods, storageHandlers(node))
    .add(storageWorkerMethods, storageWorkerHandlers(node, options.debug === true))
    .add(nodeControllerMethods, controlHandlers(view, options))
    .add(debugControllerMethods, debugHandlers(view, node));
}
