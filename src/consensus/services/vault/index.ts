import { defineService } from "../../app/define-service.js";
import { MODULE_NAME } from "./errors.js";
import { APP_NAME } from "./events.js";
import { genesis } from "./genesis.js";
import { messages } from "./messages.js";
import { getParameters } from "./params.js";
import { authorizeAction } from "./transactions/authorize-action.js";
import { cancelAction } from "./transactions/cancel-action.js";
import { create } from "./transactions/create.js";
import type { VaultGenesis } from "./types.js";

/** Accounts that several hold together. */
export const vault = defineService<VaultGenesis | undefined>({
  name: MODULE_NAME,
  appName: APP_NAME,
  priority: () => 5000n,
  transactions: [create, authorizeAction, cancelAction],
  enabled: (ctx) => getParameters(ctx.state).enabled,
  genesis,
  messages,
});
