import { InvalidInput } from "#common/errors/index.js";
import type { Context } from "../../app/context.js";
import type { GenesisHooks } from "../../app/define-service.js";
import { currentEpoch } from "../../app/epoch.js";
import { verifyRuntime } from "./logic/runtime-descriptor.js";
import { type RegistryGenesis, registryParameters } from "./params.js";
import { toGenesis } from "./queries.js";
import { setNodeStatus, suspendRuntime } from "./state.js";
import { registerEntity } from "./transactions/register-entity.js";
import { registerNode } from "./transactions/register-node.js";
import { registerRuntime, runtimeRules } from "./transactions/register-runtime.js";
import { RUNTIME_COMPUTE, RUNTIME_KEY_MANAGER } from "./types/runtime.js";

/** Elements of a list of the document, where null stands for a missing one and is refused. */
function given<T>(field: string, list: readonly (T | null)[]): T[] {
  return list.map((item, i) => {
    if (item === null) throw new InvalidInput(`registry.${field}[${i}]`, "must not be null");
    return item;
  });
}

function registerRuntimes(ctx: Context, section: RegistryGenesis): void {
  const runtimes = given("runtimes", section.runtimes);
  // Before the first block the current epoch is not known yet, so here no deployment is in the future.
  const rules = runtimeRules(ctx, section.params, currentEpoch(ctx));
  for (const kind of [RUNTIME_KEY_MANAGER, RUNTIME_COMPUTE]) {
    for (const runtime of runtimes) {
      verifyRuntime(runtime, rules);
      if (runtime.kind === kind) registerRuntime(ctx, runtime);
    }
  }
  for (const runtime of given("suspended_runtimes", section.suspendedRuntimes)) {
    registerRuntime(ctx, runtime);
    suspendRuntime(ctx, runtime.id);
  }
}

/** Genesis of the registry: everything runs through the handlers of the transactions. */
export const genesis: GenesisHooks<RegistryGenesis> = {
  initChain(ctx, section) {
    registryParameters.set(ctx.state, section.params);
    for (const entity of given("entities", section.entities)) registerEntity(ctx, entity);
    registerRuntimes(ctx, section);
    for (const node of given("nodes", section.nodes)) registerNode(ctx, node);
    for (const [id, status] of section.nodeStatuses) {
      if (status === null) throw new InvalidInput("registry.node_statuses", "must not be null");
      setNodeStatus(ctx.state, id, status);
    }
  },

  toGenesis: (ctx) => toGenesis(ctx.state),
};
