import { equalBytes } from "#common/bytes.js";
import { InvalidInput } from "#common/errors/index.js";
import { isKeyManagerNamespace } from "#common/namespace.js";
import type { Context } from "../../app/context.js";
import type { GenesisHooks, GenesisScope } from "../../app/define-service.js";
import { currentEpoch } from "../../app/epoch.js";
import { acceptancePolicy } from "../../app/acceptance.js";
import type { RegistryGenesis } from "../registry/params.js";
import { RUNTIME_KEY_MANAGER } from "../registry/types/runtime.js";
import { churpUpdateEvent, statusEvent } from "./events.js";
import { withHandoffAt } from "./logic/handoff.js";
import { checkPolicy } from "./logic/secrets.js";
import {
  type ChurpGenesis,
  churpParameters,
  defaultChurpParameters,
  type KeyManagerGenesis,
  keyManagerParameters,
} from "./params.js";
import { toGenesis } from "./queries.js";
import { setChurpStatus, setStatus } from "./state.js";
import { HANDOFFS_DISABLED } from "./types/churp.js";
import type { KeyManagerStatus } from "./types/secrets.js";

/** Whether the document's registry has an active key manager of this identifier. */
function isKeyManager(document: GenesisScope, id: Uint8Array): boolean {
  const registry = document.section("registry") as RegistryGenesis | undefined;
  return (registry?.runtimes ?? []).some((r) => r !== null && r.kind === RUNTIME_KEY_MANAGER && equalBytes(r.id, id));
}

function initSecrets(ctx: Context, section: KeyManagerGenesis, document: GenesisScope): void {
  const statuses: KeyManagerStatus[] = [];
  section.statuses.forEach((status, i) => {
    const field = `keymanager.statuses[${i}]`;
    if (status === null) throw new InvalidInput(field, "must not be null");
    if (!isKeyManager(document, status.id)) return;
    if (status.nodes !== null) throw new InvalidInput(`${field}.nodes`, "must be null: committees form at the epoch");
    setStatus(ctx.state, status);
    statuses.push(status);
  });
  if (statuses.length > 0) ctx.emit(statusEvent, { statuses });
}

function initChurp(ctx: Context, section: ChurpGenesis, document: GenesisScope): void {
  churpParameters.set(ctx.state, defaultChurpParameters());
  section.statuses.forEach((status, i) => {
    const field = `keymanager.churp.statuses[${i}]`;
    if (status === null) throw new InvalidInput(field, "must not be null");
    if (!isKeyManager(document, status.runtimeId)) throw new InvalidInput(field, "unknown key manager runtime");
    const next = status.handoffInterval === 0n ? HANDOFFS_DISABLED : currentEpoch(ctx) + 1n;
    const started = withHandoffAt(status, next);
    setChurpStatus(ctx.state, started);
    ctx.emit(churpUpdateEvent, { status: started });
  });
}

/** Genesis of the key manager. */
export const genesis: GenesisHooks<KeyManagerGenesis> = {
  check({ statuses }, document) {
    const acceptance = acceptancePolicy(document.debug);
    statuses.forEach((status, i) => {
      if (status === null) return;
      const { id, policy, nextPolicy } = status;
      if (!isKeyManagerNamespace(id)) document.refuse(`statuses[${i}].id`, "is not of a key manager runtime");
      if (policy !== null) document.attempt(`statuses[${i}].policy`, () => checkPolicy(null, policy, acceptance));
      if (nextPolicy === undefined) return;
      document.attempt(`statuses[${i}].next_policy`, () => checkPolicy(policy, nextPolicy, acceptance));
    });
  },
  initChain(ctx, section, document) {
    keyManagerParameters.set(ctx.state, section.params);
    initSecrets(ctx, section, document);
    if (section.churp !== undefined) initChurp(ctx, section.churp, document);
  },
  toGenesis: (ctx) => toGenesis(ctx.state),
};
