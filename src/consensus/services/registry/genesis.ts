import { equalBytes, toBase64 } from "#common/bytes.js";
import { CodedError, DecodeError, InvalidInput } from "#common/errors/index.js";
import type { Context } from "../../app/context.js";
import type { GenesisCheck, GenesisHooks } from "../../app/define-service.js";
import { currentEpoch } from "../../app/epoch.js";
import { verifyRuntime } from "./logic/runtime-descriptor.js";
import { checkParameters, type RegistryGenesis, registryParameters } from "./params.js";
import { toGenesis } from "./queries.js";
import { setNodeStatus, suspendRuntime } from "./state.js";
import { registerEntity } from "./transactions/register-entity.js";
import { registerNode } from "./transactions/register-node.js";
import { registerRuntime, runtimeRules } from "./transactions/register-runtime.js";
import { Entity } from "./types/entity.js";
import { Node } from "./types/node.js";
import { RUNTIME_COMPUTE, RUNTIME_KEY_MANAGER } from "./types/runtime.js";

/** Elements of a list of the document, where null stands for a missing one and is refused. */
function given<T>(field: string, list: readonly (T | null)[]): T[] {
  return list.map((item, i) => {
    if (item === null) throw new InvalidInput(`registry.${field}[${i}]`, "must not be null");
    return item;
  });
}

/** Runs over a list of the document and says which element is refused. */
function each<T>(field: string, list: readonly (T | null)[], body: (item: T) => void): void {
  given(field, list).forEach((item, i) => {
    try {
      body(item);
    } catch (error) {
      if (error instanceof CodedError) throw new InvalidInput(`registry.${field}[${i}]`, error.message);
      if (error instanceof DecodeError) throw error.within(`registry.${field}[${i}]`);
      throw error;
    }
  });
}

function registerRuntimes(ctx: Context, section: RegistryGenesis): void {
  // Before the first block the current epoch is not known yet, so here no deployment is in the future.
  const rules = runtimeRules(ctx, section.params, currentEpoch(ctx));
  for (const kind of [RUNTIME_KEY_MANAGER, RUNTIME_COMPUTE]) {
    each("runtimes", section.runtimes, (runtime) => {
      verifyRuntime(runtime, rules);
      if (runtime.kind === kind) registerRuntime(ctx, runtime);
    });
  }
  each("suspended_runtimes", section.suspendedRuntimes, (runtime) => {
    registerRuntime(ctx, runtime);
    suspendRuntime(ctx, runtime.id);
  });
}

/** Keys of a descriptor; none when it cannot be read, which its registration tells. */
function keysOf<T>(
  decode: (bytes: Uint8Array) => T,
  bytes: Uint8Array,
  keys: (value: T) => Uint8Array[],
): Uint8Array[] {
  try {
    return keys(decode(bytes));
  } catch (error) {
    if (error instanceof DecodeError) return [];
    throw error;
  }
}

function checkKeys(genesis: RegistryGenesis, { publicKeyBlacklist, refuse }: GenesisCheck): void {
  const look = (field: string, keys: readonly Uint8Array[]): void => {
    for (const key of keys) {
      if (publicKeyBlacklist.some((banned) => equalBytes(banned, key)))
        refuse(field, `uses blacklisted key ${toBase64(key)}`);
    }
  };
  genesis.entities.forEach((entity, i) => {
    if (entity !== null)
      look(
        `entities[${i}]`,
        keysOf(Entity.decode, entity.untrustedRawValue, ({ id }) => [id]),
      );
  });
  genesis.runtimes.forEach((runtime, i) => look(`runtimes[${i}]`, runtime === null ? [] : [runtime.entityId]));
  genesis.suspendedRuntimes.forEach((runtime, i) => {
    look(`suspended_runtimes[${i}]`, runtime === null ? [] : [runtime.entityId]);
  });
  genesis.nodes.forEach((node, i) => {
    const subKeys = ({ consensus, p2p, tls }: Node): Uint8Array[] => [consensus.id, p2p.id, tls.pubKey];
    if (node !== null) look(`nodes[${i}]`, keysOf(Node.decode, node.untrustedRawValue, subKeys));
  });
}

/** Genesis of the registry: everything runs through the handlers of the transactions. */
export const genesis: GenesisHooks<RegistryGenesis> = {
  check(section, document) {
    document.attempt("params", () => checkParameters(section.params, document.debug, true));
    checkKeys(section, document);
  },

  initChain(ctx, section) {
    registryParameters.set(ctx.state, section.params);
    each("entities", section.entities, (entity) => registerEntity(ctx, entity));
    registerRuntimes(ctx, section);
    each("nodes", section.nodes, (node) => registerNode(ctx, node));
    for (const [id, status] of section.nodeStatuses) {
      if (status === null) throw new InvalidInput("registry.node_statuses", "must not be null");
      setNodeStatus(ctx.state, id, status);
    }
  },

  toGenesis: (ctx) => toGenesis(ctx.state),
};
