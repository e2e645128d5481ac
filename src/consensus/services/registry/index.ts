import { defineService } from "../../app/define-service.js";
import { beginBlock } from "./block.js";
import { APP_NAME, MODULE_NAME } from "./errors.js";
import { genesis } from "./genesis.js";
import { messages } from "./messages.js";
import type { RegistryGenesis } from "./params.js";
import { deregisterEntityTransaction } from "./transactions/deregister-entity.js";
import { proveFreshnessTransaction } from "./transactions/prove-freshness.js";
import { registerEntityTransaction } from "./transactions/register-entity.js";
import { registerNodeTransaction } from "./transactions/register-node.js";
import { registerRuntimeTransaction } from "./transactions/register-runtime.js";
import { unfreezeNodeTransaction } from "./transactions/unfreeze-node.js";

/** Entities, nodes and runtimes. */
export const registry = defineService<RegistryGenesis>({
  name: MODULE_NAME,
  appName: APP_NAME,
  // Registrations of nodes must get through even when the pool is full of others, or committees dry up.
  priority: (method) => (method === registerNodeTransaction.method ? 60_000n : 50_000n),
  transactions: [
    registerEntityTransaction,
    deregisterEntityTransaction,
    registerNodeTransaction,
    unfreezeNodeTransaction,
    registerRuntimeTransaction,
    proveFreshnessTransaction,
  ],
  genesis,
  beginBlock,
  messages,
});
